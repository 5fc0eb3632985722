-- Locks and returns what there is of a batch: (recipient_key, places).
-- $1: recipient keys, distinct. Locks are taken in the order of the keys, as everybody does who locks several rows of caps, so nobody waits for another in a circle.
-- First of two statements of one transaction; caps/store, and caps/add for new recipients, writes what was decided.
-- Reading under the lock is what makes a cap exact.
select recipient_key, places from caps where recipient_key = any($1) order by recipient_key for update
