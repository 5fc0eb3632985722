-- A page of messages, newest first, without timelines.
-- $1 tenant, $2 recipient key, $3 label, $4 campaign, $5 state, $6 channel, $7 class, $8 from, $9 until (all but $1 may be null),
-- $10, $11 accepted_at and id of the last one of the page before, or null, $12 page size. Days are bounded by the times, so that other partitions are not looked at:
-- a day is that of the first accept, in UTC.
select message_id, request_id, class, channel, state, reason, accepted_at, state_at, expires_at, campaign, labels, provider, lane, attempts, segments, cap_check, null::bytea
from messages
where tenant = $1 and request_id is not null
  and ($2::bytea is null or recipient_key = $2)
  and ($3::text is null or $3 = any (labels))
  and ($4::text is null or campaign = $4)
  and ($5::smallint is null or state = $5)
  and ($6::smallint is null or channel = $6)
  and ($7::smallint is null or class = $7)
  and ($8::timestamptz is null or (accepted_at >= $8 and day >= ($8 at time zone 'UTC')::date))
  and ($9::timestamptz is null or (accepted_at < $9 and day <= ($9 at time zone 'UTC')::date))
  and ($10::timestamptz is null or ((accepted_at, message_id) < ($10, $11) and day <= ($10 at time zone 'UTC')::date))
order by accepted_at desc, message_id desc
limit $12;
