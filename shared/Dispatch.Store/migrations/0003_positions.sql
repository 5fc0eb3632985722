-- How far each reader has come whose results are in this database. Moved in the transaction of what it produced, so a replay counts nothing twice.
create table positions (
  reader text not null,
  cluster_id text not null,          -- of the log: a position means nothing in another one
  topic text not null,
  partition int not null,
  next bigint not null,
  primary key (reader, cluster_id, topic, partition)
);

-- Intervals in which the outcomes of a dispatcher stayed in its journal (feedback bypass). Closed once its mark has been passed in every partition of `outcomes`.
create table blind_windows (
  dispatcher text not null,
  opened_at timestamptz not null,
  closed_at timestamptz,             -- when it had caught up; null: marks are still missing
  passed int[] not null,             -- partitions in which its mark has been passed
  primary key (dispatcher, opened_at)
);

create index blind_windows_time on blind_windows (opened_at);
