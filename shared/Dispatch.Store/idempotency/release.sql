-- Nothing came of the call: the key is free again. $1 key, $2 claim.
delete from idempotency where key = $1 and claim = $2;
