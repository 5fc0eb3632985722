-- $1: tenant; $2: id.
delete from cap_rules where tenant = $1 and id = $2
