-- The first row whose hash does not follow from the row before it; no row: the chain is whole.
select seq
  from (
    select seq, hash,
           sha256(coalesce(lag(hash) over (order by seq), ''::bytea)
                  || convert_to(format('%s|%s|%s|%s|%s', seq, extract(epoch from at), who, what, detail), 'utf8')) as expected
      from control.audit
  ) as chain
 where hash <> expected
 order by seq
 limit 1
