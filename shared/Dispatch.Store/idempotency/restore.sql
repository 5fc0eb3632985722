-- Writes keys that were read from the log. Their requests are durable, but not known to be whole: whoever repeats one takes it over, with the same ids.
-- $1 keys (distinct, sorted), $2 bodies, $3 times of the first accept, $4 claim. Answers the keys that stand there for another body: both were accepted.
with given as (
  select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as u (key, body, at)
), written as (
  insert into idempotency (key, body, claim, created_at, lease_until)
  select key, body, $4, at, at from given
  on conflict (key) do nothing
)
select g.key from given g join idempotency i using (key) where i.body <> g.body;
