-- Claims keys: inserts those that are new, and touches no other. Settles earlier claims on the way.
-- $1 keys (distinct, sorted, so that two claims never wait for each other in a circle), $2 bodies, $3 claim, $4 now, $5 lease end, $6 settled claims, $7 when each key's call came: ids are derived from that day.
-- Rows affected: the new keys; when these are all, nothing else needs to be asked.
with settled as (
  insert into idempotency_settled (claim, at) select s, $4 from unnest($6::uuid[]) as s on conflict (claim) do nothing
)
insert into idempotency (key, body, claim, created_at, lease_until)
select u.key, u.body, $3, u.first_at, $5 from unnest($1::uuid[], $2::uuid[], $7::timestamptz[]) as u (key, body, first_at)
on conflict (key) do nothing;
