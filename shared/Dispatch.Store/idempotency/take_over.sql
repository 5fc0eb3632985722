-- Takes over a key whose holder did not settle it before its lease ended. One of many who try wins.
-- $1 key, $2 the claim that was found, $3 own claim, $4 now, $5 lease end.
update idempotency set claim = $3, lease_until = $5
where key = $1 and claim = $2 and lease_until <= $4
  and not exists (select from idempotency_settled s where s.claim = $2);
