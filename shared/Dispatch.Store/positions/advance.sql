-- positions/advance.sql
-- Moves positions from where their reader found them; returns how many moved. Fewer than were asked: somebody else moved one, and the transaction must not go on.
-- $1 reader, $2 cluster ids, $3 topics, $4 partitions, $5 from (-1: there was none), $6 next.
with moves as (
  select * from unnest($2::text[], $3::text[], $4::int[], $5::bigint[], $6::bigint[]) as n (cluster_id, topic, partition, from_next, next)
), moved as (
  update positions p set next = m.next
  from moves m
  where p.reader = $1 and p.cluster_id = m.cluster_id and p.topic = m.topic and p.partition = m.partition and p.next = m.from_next
  returning 1
), begun as (
  insert into positions (reader, cluster_id, topic, partition, next)
  select $1, cluster_id, topic, partition, next from moves where from_next = -1
  on conflict do nothing
  returning 1
)
select (select count(*) from moved) + (select count(*) from begun);
