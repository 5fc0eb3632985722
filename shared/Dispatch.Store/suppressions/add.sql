-- $1: tenants; $2: channels; $3: address keys; $4: reasons; $5: since when; distinct by the first three. Written in their order, so that two writers never wait in a circle.
-- What is suppressed already stays as it is and is not counted; what had been removed comes back.
insert into suppressions (tenant, channel, address_key, reason, created_at)
select * from unnest($1, $2, $3, $4, $5) row (tenant, channel, address_key, reason, created_at) order by tenant, channel, address_key
on conflict (tenant, channel, address_key) do update
set reason = excluded.reason, created_at = excluded.created_at, removed_at = null, changed = pg_current_xact_id()
where suppressions.removed_at is not null
