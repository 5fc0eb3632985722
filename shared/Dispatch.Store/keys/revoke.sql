-- $1 tenant, $2 id, $3 now.
update api_keys set revoked_at = $3 where tenant = $1 and id = $2 and revoked_at is null;
