-- As idempotency/claim, for keys of which none is known: one that is ends the statement with a unique violation, and nothing of it is kept.
-- A third cheaper, because PostgreSQL need not look a key up before it inserts it. The same parameters.
with settled as (
  insert into idempotency_settled (claim, at) select s, $4 from unnest($6::uuid[]) as s on conflict (claim) do nothing
)
insert into idempotency (key, body, claim, created_at, lease_until)
select u.key, u.body, $3, u.first_at, $5 from unnest($1::uuid[], $2::uuid[], $7::timestamptz[]) as u (key, body, first_at);
