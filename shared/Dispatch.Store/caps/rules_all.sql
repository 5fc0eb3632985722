-- Every rule of every tenant, as the Router keeps them.
select id, number, tenant, kind, subject, classes, "limit", window_ms from cap_rules
