-- API keys. Small; every Ingest holds a snapshot of all of it.
-- secret_hash: SHA-256 of the secret. revoked keys stay, so that nothing brings them back.
create table api_keys (
  id                text primary key,
  tenant            text not null,
  name              text not null,
  environment       text not null,
  scopes            text[] not null,
  secret_hash       bytea not null,
  created_at        timestamptz not null,
  expires_at        timestamptz,
  revoked_at        timestamptz,
  last_used_at      timestamptz,
  items_per_minute  integer not null
);
create index api_keys_tenant on api_keys (tenant);
