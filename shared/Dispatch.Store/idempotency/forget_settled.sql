-- Claims whose keys are gone. $1 oldest time that stays.
delete from idempotency_settled where at < $1;
