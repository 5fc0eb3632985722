-- Makes writers of the audit take turns: a chain has one end. A statement of its own, before control/audit, because a statement sees what was there when it began.
select pg_advisory_xact_lock(hashtext('control.audit'))
