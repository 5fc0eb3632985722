-- What stands under keys: (key, body, claim, created_at, leased, settled, status, answer).
-- $1 keys, $2 now.
select i.key, i.body, i.claim, i.created_at, i.lease_until > $2, s.claim is not null, i.status, i.answer
from idempotency i left join idempotency_settled s on s.claim = i.claim
where i.key = any ($1::uuid[]);
