-- Records a change of a switch and tells every listener; returns its version.
-- $1 switch, $2 value, $3 channel, $4 class, $5 tenant, $6 lane (null: all), $7 reason, $8 owner, $9 changed_at, $10 expires_at.
with changed as (
  insert into control.modes (switch, value, channel, class, tenant, lane, reason, owner, changed_at, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  returning version
)
select version, pg_notify('dispatch_control', 'modes') from changed
