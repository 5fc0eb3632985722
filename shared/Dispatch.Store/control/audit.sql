-- Appends one row to the chain; control/audit_turn comes first in the same transaction.
-- $1 at, $2 who, $3 what, $4 detail (JSON text).
with last as (
  select coalesce(max(seq), 0) as seq, (select hash from control.audit order by seq desc limit 1) as hash
    from control.audit
)
insert into control.audit (seq, at, who, what, detail, hash)
select last.seq + 1, $1, $2, $3, $4::jsonb,
       sha256(coalesce(last.hash, ''::bytea) || convert_to(format('%s|%s|%s|%s|%s', last.seq + 1, extract(epoch from $1::timestamptz), $2, $3, $4::jsonb), 'utf8'))
  from last
