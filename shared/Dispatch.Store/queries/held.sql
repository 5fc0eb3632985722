-- What is parked, by why: (tenant, class, channel, reason, count, since when the oldest). $1 tenant or null, $2 the number of the state held.
select tenant, class, channel, reason, count(*), min(state_at)
from messages
where state = $2 and ($1::text is null or tenant = $1)
group by tenant, class, channel, reason
order by min(state_at)
limit 1000;
