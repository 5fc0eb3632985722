-- A request's messages by state: (state, count). $1 tenant, $2 request id, $3 its day.
select state, count(*) from messages where request_id = $2 and day = $3 and tenant = $1 group by state order by state;
