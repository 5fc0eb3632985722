-- Settles one key by a claim of its own, with the answer to keep if it does not follow from the body.
-- $1 key, $2 the claim that holds it, $3 status or null, $4 answer or null, $5 claim that settles, $6 now.
with answered as (
  update idempotency set status = coalesce($3, status), answer = coalesce($4, answer), claim = $5 where key = $1 and claim = $2 returning claim
)
insert into idempotency_settled (claim, at) select claim, $6 from answered;
