-- ledger/promise.sql
-- Writes what was promised to rows that began with less: a receipt or an outcome that came before the request. $1 day, the others one element a message;
-- labels are joined by U+001F.
update messages m set
  request_id = n.request_id, tenant = n.tenant, class = n.class, channel = n.channel, recipient_key = n.recipient_key, campaign = n.campaign,
  labels = case when n.labels = '' then '{}'::text[] else string_to_array(n.labels, E'\x1f') end, accepted_at = n.accepted_at, expires_at = n.expires_at
from unnest($2::uuid[], $3::uuid[], $4::text[], $5::smallint[], $6::smallint[], $7::bytea[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[])
  as n (message_id, request_id, tenant, class, channel, recipient_key, campaign, labels, accepted_at, expires_at)
where m.day = $1 and m.message_id = n.message_id;
