-- positions/read.sql
-- All positions of a reader: (cluster_id, topic, partition, next). $1 reader.
select cluster_id, topic, partition, next from positions where reader = $1;
