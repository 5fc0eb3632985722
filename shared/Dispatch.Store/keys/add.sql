-- $1 id, $2 tenant, $3 name, $4 environment, $5 scopes, $6 secret hash, $7 created at, $8 expires at or null, $9 items per minute.
insert into api_keys (id, tenant, name, environment, scopes, secret_hash, created_at, expires_at, items_per_minute)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (id) do nothing;
