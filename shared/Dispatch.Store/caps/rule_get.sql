-- $1: tenant; $2: id.
select id, number, tenant, kind, subject, classes, "limit", window_ms from cap_rules where tenant = $1 and id = $2
