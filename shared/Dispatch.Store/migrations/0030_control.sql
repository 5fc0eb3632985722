-- The switches, their history, and who touched what. Everything here is small and read whole.
create schema if not exists control;

-- Append-only: the newest row of a (switch, scope) holds until it expires. A scope column that is null holds for all.
create table control.modes (
  version     bigint generated always as identity primary key,
  switch      text not null,
  value       text not null,
  channel     text,
  class       text,
  tenant      text,
  lane        text,
  reason      text not null,
  owner       text not null,
  changed_at  timestamptz not null,
  expires_at  timestamptz not null
);
create index modes_expiry on control.modes (expires_at);

-- Requests that their callers took back; looked at before each intent, until no message of theirs can be alive.
create table control.cancellations (
  request_id    uuid primary key,
  tenant        text not null,
  cancelled_at  timestamptz not null,
  expires_at    timestamptz not null
);
create index cancellations_expiry on control.cancellations (expires_at);

-- Append-only and chained: each row's hash covers the row and the hash before it, so that a row that was changed or taken out shows.
create table control.audit (
  seq     bigint primary key,
  at      timestamptz not null,
  who     text not null,
  what    text not null,
  detail  jsonb not null,
  hash    bytea not null
);
create rule audit_keeps_rows as on delete to control.audit do instead nothing;
create rule audit_keeps_words as on update to control.audit do instead nothing;
