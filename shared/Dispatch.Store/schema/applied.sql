-- schema/applied.sql
-- What has been applied: (version, checksum). Versions that this release does not know belong to a newer one; they only added, so they do not matter here.
select version, checksum from schema_versions;
