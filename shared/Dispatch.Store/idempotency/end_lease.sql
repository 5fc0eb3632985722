-- The append failed: whoever repeats the call takes the key over at once. $1 key, $2 claim, $3 now.
update idempotency set lease_until = $3 where key = $1 and claim = $2;
