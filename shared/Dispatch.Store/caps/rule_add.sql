-- $1: id; $2: tenant; $3: kind; $4: subject; $5: classes; $6: limit; $7: window in ms. An id that is there already changes nothing and returns nothing.
insert into cap_rules (id, tenant, kind, subject, classes, "limit", window_ms) values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing
returning id, number, tenant, kind, subject, classes, "limit", window_ms
