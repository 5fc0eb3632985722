-- ledger/append.sql
-- Facts that were not known before, in the order in which they were learnt.
copy outcomes (
  day, message_id, tenant, kind, at, attempt_epoch, attempt, source_id, verdict, scope, reason, provider, lane, state, provider_message_id, segments
) from stdin (format binary)
