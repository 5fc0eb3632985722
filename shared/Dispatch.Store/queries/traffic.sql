-- Accepted messages a minute over the last ten: (tenant, rate). $1 now, $2 channel, $3 class, $4 tenant (each may be null).
select tenant, (sum(count) / 10.0)::double precision as rate
from stats
where kind = 'accepted' and label = ''
  and minute >= $1::timestamptz - interval '10 minutes' and day >= (($1::timestamptz - interval '10 minutes') at time zone 'UTC')::date
  and ($2::smallint is null or channel = $2)
  and ($3::smallint is null or class = $3)
  and ($4::text is null or tenant = $4)
group by tenant
order by rate desc, tenant
limit 100;
