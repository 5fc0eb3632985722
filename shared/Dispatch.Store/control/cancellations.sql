-- The requests that are taken back and may still have messages on their way. $1: now.
select request_id from control.cancellations where expires_at > $1
