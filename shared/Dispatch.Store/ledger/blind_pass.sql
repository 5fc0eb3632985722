-- ledger/blind_pass.sql
-- A dispatcher's mark has been passed in one partition of `outcomes`; with the last of them the window closes.
-- $1 dispatcher, $2 opened at, $3 partition, $4 how many partitions there are, $5 when the mark was written.
insert into blind_windows as w (dispatcher, opened_at, closed_at, passed)
values ($1, $2, case when $4 = 1 then $5 end, array[$3])
on conflict (dispatcher, opened_at) do update set
  passed = case when $3 = any (w.passed) then w.passed else w.passed || $3 end,
  closed_at = case
    when w.closed_at is not null then w.closed_at
    when cardinality(case when $3 = any (w.passed) then w.passed else w.passed || $3 end) >= $4 then $5
  end;
