-- probe/read.sql
-- Whether the server answers at all.
select 1;
