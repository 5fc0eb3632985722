-- Every key, for the snapshot: (id, tenant, name, environment, scopes, secret_hash, created_at, expires_at, revoked_at, items_per_minute).
select id, tenant, name, environment, scopes, secret_hash, created_at, expires_at, revoked_at, items_per_minute from api_keys order by id;
