-- Takes a request back and tells every listener. Repeating it changes nothing.
-- $1 request id, $2 tenant, $3 now, $4 until when a message of it can be alive.
with cancelled as (
  insert into control.cancellations (request_id, tenant, cancelled_at, expires_at)
  values ($1, $2, $3, $4)
  on conflict (request_id) do nothing
  returning request_id
)
select pg_notify('dispatch_control', 'cancellations') from cancelled
