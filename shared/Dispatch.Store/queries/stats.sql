-- Counts of a tenant by time bucket and kind, split by the dimensions that are asked for.
-- $1 tenant, $2 from, $3 until, $4 minute, hour or day, $5 to $9 whether to split by channel, class, provider, label, campaign,
-- $10 label, $11 campaign, $12 channel, $13 class, $14 provider (each may be null), $15 rows at most.
-- A row with label '' counts everything once; those with a label are read only when labels are asked about.
select
  date_trunc($4, minute, 'UTC') as at,
  kind,
  case when $5 then channel end,
  case when $6 then class end,
  case when $7 then provider end,
  case when $8 then label end,
  case when $9 then campaign end,
  sum(count)::bigint,
  sum(segments)::bigint
from stats
where tenant = $1
  and minute >= $2 and minute < $3
  and day >= ($2 at time zone 'UTC')::date and day <= ($3 at time zone 'UTC')::date
  and case when $10::text is not null then label = $10 when $8 then label <> '' else label = '' end
  and ($11::text is null or campaign = $11)
  and ($12::smallint is null or channel = $12)
  and ($13::smallint is null or class = $13)
  and ($14::text is null or provider = $14)
group by 1, 2, 3, 4, 5, 6, 7
order by 1, 2, 3, 4, 5, 6, 7
limit $15;
