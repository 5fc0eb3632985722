-- schema/create.sql
-- Where the versions of the schema are kept. Runs before every migration, under the migrations' lock.
create table if not exists schema_versions (
  version int primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now()
);
