-- What changed in or after a transaction: (channel, address_key, is suppressed). $1: a result of suppressions/horizon that was read before; 0: everything.
select channel, address_key, removed_at is null from suppressions where changed >= $1 and ($1 <> '0'::xid8 or removed_at is null)
