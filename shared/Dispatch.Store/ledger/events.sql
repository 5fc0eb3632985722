-- ledger/events.sql
-- SDK events, each once: returns the (tenant, event_id) of those that are new. A repeat may come days after the first: all days that are kept are looked through.
-- One element an event, sorted by (tenant, event_id) and distinct.
insert into events (day, tenant, event_id, user_id, name, at, received_at, message_id, attributes)
select n.day, n.tenant, n.event_id, n.user_id, n.name, n.at, n.received_at, n.message_id, n.attributes
from unnest($1::date[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::uuid[], $9::bytea[])
  as n (day, tenant, event_id, user_id, name, at, received_at, message_id, attributes)
where not exists (select from events e where e.tenant = n.tenant and e.event_id = n.event_id)
on conflict do nothing
returning tenant, event_id;
