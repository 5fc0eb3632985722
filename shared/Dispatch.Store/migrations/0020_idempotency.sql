-- Which Idempotency-Keys were used, for what. Not partitioned by day: a key is unique over all days, and a unique index does not reach across partitions.
-- key: first 16 bytes of SHA-256 over (tenant, Idempotency-Key). body: the same over (call, body).
-- claim: the statement that inserted or took over the row; the row is settled once its claim stands in idempotency_settled. One row there settles a whole
-- group of keys, so that no key is written twice.
-- answer: status and body of the first answer; null: it follows from the body and created_at.
create table idempotency (
  key          uuid primary key,
  body         uuid not null,
  claim        uuid not null,
  created_at   timestamptz not null,
  lease_until  timestamptz not null,
  status       smallint,
  answer       bytea
);
-- Rows come in the order of their time, so a few pages of summary find the old ones.
create index idempotency_age on idempotency using brin (created_at) with (pages_per_range = 16, autosummarize = on);

create table idempotency_settled (
  claim  uuid primary key,
  at     timestamptz not null
);
create index idempotency_settled_age on idempotency_settled using brin (at);
