-- ledger/insert.sql
-- New ledger rows, in the order of the ids. A row that somebody else made meanwhile ends the statement with a unique violation, and the transaction is begun again.
copy messages (
  day, message_id, request_id, tenant, class, channel, recipient_key, campaign, labels, accepted_at, expires_at,
  expected, state, state_at, reason, provider, lane, attempts, segments, cap_check, timeline
) from stdin (format binary)
