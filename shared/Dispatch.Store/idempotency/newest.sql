-- The newest key, or null. What the server lost in a crash is younger than this, less the time that one statement takes.
select max(created_at) from idempotency where created_at > $1;
