-- A tenant's suppressions, newest first: (tenant, channel, address_key, reason, created_at).
-- $1: tenant; $2: channel, null: all; $3, $4, $5: created_at, channel and address key of the last one of the page before, null: the first page; $6: page size.
select tenant, channel, address_key, reason, created_at from suppressions
where tenant = $1 and removed_at is null and ($2::smallint is null or channel = $2)
  and ($3::timestamptz is null or created_at < $3 or (created_at = $3 and (channel, address_key) > ($4, $5)))
order by created_at desc, channel, address_key limit $6
