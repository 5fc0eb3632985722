-- $1 ids, $2 times; a later time that somebody else wrote stays.
update api_keys k set last_used_at = u.at
from unnest($1::text[], $2::timestamptz[]) as u (id, at)
where k.id = u.id and (k.last_used_at is null or k.last_used_at < u.at);
