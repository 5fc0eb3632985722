-- Writes rows of a batch back, under the locks of caps/lock.
-- $1: recipient keys; $2: places; $3: when the last of them ends.
update caps set places = row.places, until = row.until
from unnest($1, $2, $3) row (key, places, until)
where caps.recipient_key = row.key
