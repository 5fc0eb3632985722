-- One message with its timeline. $1 tenant, $2 message id, $3 its day. A row without a request came from a stray receipt: nobody was promised it.
select message_id, request_id, class, channel, state, reason, accepted_at, state_at, expires_at, campaign, labels, provider, lane, attempts, segments, cap_check, timeline
from messages
where message_id = $2 and day = $3 and tenant = $1 and request_id is not null;
