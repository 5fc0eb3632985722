-- A tenant's rules, newest first. $1: tenant; $2: id of the last one of the page before, null: the first page; $3: page size.
select id, number, tenant, kind, subject, classes, "limit", window_ms from cap_rules
where tenant = $1 and ($2::uuid is null or id < $2) order by id desc limit $3
