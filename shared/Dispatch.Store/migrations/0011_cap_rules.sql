-- kind: 0 global, 1 label, 2 automation; classes: 1 transactional, 2 automation, 3 campaign (records.proto).
-- number stands for the rule in caps.places and is never used twice, so a removed rule's places mean nothing to a later one.
create table cap_rules (
  id uuid primary key, -- ids sort by the time they were made
  number integer generated always as identity unique,
  tenant text not null,
  kind smallint not null check (kind between 0 and 2),
  subject text not null check ((subject = '') = (kind = 0)),
  classes smallint[] not null check (cardinality(classes) between 1 and 3),
  "limit" integer not null check ("limit" between 1 and 1000),
  window_ms bigint not null check (window_ms between 1000 and 31622400000)
);
create index cap_rules_of_tenant on cap_rules (tenant, id desc);
