-- Keys past retention, at most $2 of them. $1 oldest time that stays.
with old as (
  select ctid from idempotency where created_at < $1 limit $2
)
delete from idempotency where ctid = any (array(select ctid from old));
