-- Intervals in which outcomes stayed behind, that touch $1 to $2: (dispatcher, opened_at, closed_at or null).
select dispatcher, opened_at, closed_at
from blind_windows
where opened_at < $2 and (closed_at is null or closed_at > $1)
order by opened_at;
