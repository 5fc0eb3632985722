-- Addresses that get nothing. A removed one keeps its row, so that those who hold a copy hear of the removal.
-- changed: the transaction of the last change. Copies ask for what changed since the oldest transaction that was still open when they last asked:
-- a sequence or a clock would miss what commits late.
create table suppressions (
  tenant text not null,
  channel smallint not null check (channel between 1 and 3),
  address_key bytea not null check (length(address_key) = 16),
  reason text not null,
  created_at timestamptz not null,
  removed_at timestamptz,
  changed xid8 not null default pg_current_xact_id(),
  primary key (tenant, channel, address_key)
);
create index suppressions_changed on suppressions (changed);
create index suppressions_newest on suppressions (tenant, created_at desc, channel, address_key) where removed_at is null;

-- Whoever holds a copy hears of a change at once; reading now and then is the way back when nobody could be told.
create function tell_copies() returns trigger language plpgsql as $$
begin
  perform pg_notify('dispatch_copies', tg_table_name);
  return null;
end $$;
create trigger tells_copies after insert or update or delete on suppressions for each statement execute function tell_copies();
create trigger tells_copies after insert or update or delete on cap_rules for each statement execute function tell_copies();
