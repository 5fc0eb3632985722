-- The newest mode of each switch and scope that has not expired: (version, switch, value, channel, class, tenant, lane, reason, owner, changed_at, expires_at).
-- $1: now.
select distinct on (switch, channel, class, tenant, lane)
       version, switch, value, channel, class, tenant, lane, reason, owner, changed_at, expires_at
  from control.modes
 where expires_at > $1
 order by switch, channel, class, tenant, lane, version desc
