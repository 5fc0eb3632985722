-- settlement/report.sql
-- What was promised against where it stands, in one snapshot: (tenant, class, channel, accepted, state, expected, unexpected), a row for each state that occurs; state 0: none does.
-- accepted comes from the counters, expected from the ledger's rows: two books of the same transactions, so a difference is a fault and never a delay.
-- unexpected: rows that only outcomes speak of; their request has not been read, or was lost.
-- $1 from, $2 until, whole minutes; $3 tenant, $4 class, $5 channel, each may be null.
with promised as (
  select tenant, class, channel, sum(count)::bigint as accepted
  from stats
  where kind = 'accepted' and label = ''
    and minute >= $1 and minute < $2 and day >= ($1 at time zone 'UTC')::date and day <= ($2 at time zone 'UTC')::date
    and ($3::text is null or tenant = $3) and ($4::smallint is null or class = $4) and ($5::smallint is null or channel = $5)
  group by tenant, class, channel
), standing as (
  select tenant, class, channel, state, count(*) filter (where expected) as expected, count(*) filter (where not expected) as unexpected
  from messages
  where request_id is not null
    and accepted_at >= $1 and accepted_at < $2 and day >= ($1 at time zone 'UTC')::date - 1 and day <= ($2 at time zone 'UTC')::date + 1
    and ($3::text is null or tenant = $3) and ($4::smallint is null or class = $4) and ($5::smallint is null or channel = $5)
  group by tenant, class, channel, state
)
select tenant, class, channel, coalesce(accepted, 0), coalesce(state, 0::smallint), coalesce(expected, 0), coalesce(unexpected, 0)
from promised full join standing using (tenant, class, channel)
order by tenant, class, channel, state;
