-- Drops rows whose places have all ended; returns how many.
-- $1: now in Unix seconds; $2: how many at most. Skips what others hold, so it waits for nobody, in no order.
delete from caps where ctid = any (array(select ctid from caps where until < $1 limit $2 for update skip locked))
