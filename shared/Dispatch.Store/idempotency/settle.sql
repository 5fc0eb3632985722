-- What these claims held is in the log. $1 claims, $2 now.
insert into idempotency_settled (claim, at) select unnest($1::uuid[]), $2 on conflict (claim) do nothing;
