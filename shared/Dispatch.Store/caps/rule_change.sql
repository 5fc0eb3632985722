-- $1: tenant; $2: id; $3: classes; $4: limit; $5: window in ms. What a rule counts stays: another kind or subject is another rule.
-- Places that were taken before keep the end that they got then.
update cap_rules set classes = $3, "limit" = $4, window_ms = $5 where tenant = $1 and id = $2
returning id, number, tenant, kind, subject, classes, "limit", window_ms
