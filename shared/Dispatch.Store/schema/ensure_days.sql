-- schema/ensure_days.sql
-- Makes the partitions of these days in all day tables, where they are missing. $1 days.
select ensure_day(day) from unnest($1::date[]) as day;
