-- Drops cancellations that nothing can meet any more, so that reading them stays cheap. $1: now.
delete from control.cancellations where expires_at <= $1
