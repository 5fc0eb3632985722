-- ledger/read.sql
-- Locks and returns the ledger rows of one day: (message_id, request_id, tenant, class, channel, recipient_key, campaign, labels, accepted_at, expires_at, expected, timeline).
-- $1 day, $2 message ids. Locked in the order of the ids, so that two Feedbacks never wait for each other in a circle.
-- What is missing is inserted afterwards; if somebody else was faster there, the transaction is begun again.
select message_id, request_id, tenant, class, channel, recipient_key, campaign, labels, accepted_at, expires_at, expected, timeline
from messages
where day = $1 and message_id = any ($2)
order by message_id
for no key update;
