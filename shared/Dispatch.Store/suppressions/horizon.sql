-- The oldest transaction that is still open: all older ones are seen by whoever reads after this.
select pg_snapshot_xmin(pg_current_snapshot())
