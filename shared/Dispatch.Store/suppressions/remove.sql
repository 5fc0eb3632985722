-- $1: tenant; $2: channel; $3: address key; $4: now.
update suppressions set removed_at = $4, changed = pg_current_xact_id()
where tenant = $1 and channel = $2 and address_key = $3 and removed_at is null
