-- schema/record.sql
-- Remembers one migration, in the transaction that applied it. $1 version, $2 name, $3 checksum (sha-256, hex).
insert into schema_versions (version, name, checksum) values ($1, $2, $3);
