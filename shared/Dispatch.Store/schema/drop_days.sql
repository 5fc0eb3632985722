-- schema/drop_days.sql
-- Drops all days before $1; returns the names of the partitions that went.
select drop_days($1);
