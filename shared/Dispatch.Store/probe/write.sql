-- probe/write.sql
-- One real write, synced like any other: what a replica, a full disk or a primary without its synchronous standby refuses.
-- A row per writer, so that probes of many processes do not wait for one another. $1 writer.
insert into write_probe (writer, at) values ($1, now())
on conflict (writer) do update set at = excluded.at;
