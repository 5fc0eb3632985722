-- stats/add.sql
-- Adds to minute buckets. One element a bucket, distinct and sorted by key, so that two Feedbacks never wait for each other in a circle.
insert into stats (day, minute, tenant, campaign, label, channel, provider, class, kind, count, segments)
select (minute at time zone 'UTC')::date, minute, tenant, campaign, label, channel, provider, class, kind, count, segments
from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::smallint[], $8::text[], $9::bigint[], $10::bigint[])
  as n (minute, tenant, campaign, label, channel, provider, class, kind, count, segments)
on conflict (tenant, minute, kind, channel, class, label, campaign, provider, day)
do update set count = stats.count + excluded.count, segments = stats.segments + excluded.segments;
