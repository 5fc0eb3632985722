-- A page of a request's messages. $1 tenant, $2 request id, $3 its day, $4 id of the last one of the page before or null, $5 page size.
select message_id, request_id, class, channel, state, reason, accepted_at, state_at, expires_at, campaign, labels, provider, lane, attempts, segments, cap_check, null::bytea
from messages
where request_id = $2 and day = $3 and tenant = $1 and ($4::uuid is null or message_id > $4)
order by message_id
limit $5;
