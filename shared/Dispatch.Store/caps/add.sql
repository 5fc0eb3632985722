-- Makes rows that caps/lock did not find, and returns the keys of those that it made. The others were made meanwhile by somebody else: they are decided again.
-- $1: recipient keys, distinct; $2: places; $3: when the last of them ends.
-- Made in the order of the keys, once in a transaction, between caps/lock and caps/store: who waits here waits for somebody else's insert of a greater key,
-- and holds nothing that such an insert waits for but lesser keys.
insert into caps (recipient_key, places, until)
select * from unnest($1, $2, $3) row (recipient_key, places, until) order by recipient_key
on conflict do nothing returning recipient_key
