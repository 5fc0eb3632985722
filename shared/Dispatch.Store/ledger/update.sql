-- ledger/update.sql
-- Writes ledger rows of one day that are locked by ledger/read.sql. $1 day, the others one element a message.
-- No column of an index is touched, so the new version needs no entry in any index and stays in its page.
update messages m set
  expected = n.expected, state = n.state, state_at = n.state_at, reason = n.reason, provider = n.provider, lane = n.lane,
  attempts = n.attempts, segments = n.segments, cap_check = n.cap_check, timeline = n.timeline, expires_at = n.expires_at
from unnest($2::uuid[], $3::boolean[], $4::smallint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::int[], $10::int[], $11::smallint[], $12::bytea[], $13::timestamptz[])
  as n (message_id, expected, state, state_at, reason, provider, lane, attempts, segments, cap_check, timeline, expires_at)
where m.day = $1 and m.message_id = n.message_id;
