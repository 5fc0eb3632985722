-- Writes rows of a batch back, under the locks of caps/lock.
-- $1: where they lie, as caps/lock said: a locked row stays there, and finding it costs no walk through the index; $2: places; $3: when the last of them ends.
update caps set places = row.places, until = row.until
from unnest($1::text[]::tid[], $2, $3) row (at, places, until)
where caps.ctid = row.at
