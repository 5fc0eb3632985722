-- settlement/overdue.sql
-- Messages that sit where they are longer than they should, oldest first: (message_id, tenant, class, channel, state, state_at, expires_at, reason, expected).
-- $1 from, $2 until (of acceptance), $3 tenant, $4 class, $5 channel, each may be null; $6 states on the way and $7 since when a message may be in one of them at most;
-- $8 states that end by themselves at the latest when the message expires, and $9 what has to have expired; $10 states that wait for a person;
-- $11, $12 state_at and id of the last one of the page before, or null; $13 page size.
select message_id, tenant, class, channel, state, state_at, expires_at, reason, expected
from messages
where request_id is not null
  and accepted_at >= $1 and accepted_at < $2 and day >= ($1 at time zone 'UTC')::date - 1 and day <= ($2 at time zone 'UTC')::date + 1
  and ($3::text is null or tenant = $3) and ($4::smallint is null or class = $4) and ($5::smallint is null or channel = $5)
  and ((state = any ($6) and state_at < $7) or (state = any ($8) and expires_at < $9) or state = any ($10))
  and ($11::timestamptz is null or (state_at, message_id) > ($11, $12))
order by state_at, message_id
limit $13;
