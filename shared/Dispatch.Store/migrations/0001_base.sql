-- What everything else stands on: the write probe's table, and days as partitions.

create table write_probe (
  writer text primary key,
  at timestamptz not null
);

-- The tables that are partitioned by `day`. A migration that makes such a table adds it here; retention and new days then take care of it.
create table day_tables (
  name text primary key,
  settings text not null default ''  -- of its partitions: 'with (fillfactor = 80)'
);

-- Makes the partitions of one day in all day tables. Costs one look-up when they are there.
-- The partition is made beside the table and attached afterwards: attaching lets readers and writers of the other days go on, creating it in place would not.
create function ensure_day(wanted date) returns void language plpgsql as $$
declare
  parent text;
  parameters text;
  child text;
begin
  for parent, parameters in select name, settings from day_tables order by name loop
    child := parent || '_' || to_char(wanted, 'YYYYMMDD');
    if to_regclass(child) is null then
      perform pg_advisory_xact_lock(hashtext('ensure_day'));
      if to_regclass(child) is null then
        execute format('create table %I (like %I including defaults including constraints) %s', child, parent, parameters);
        execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, child, wanted, wanted + 1);
      end if;
    end if;
  end loop;
end $$;

-- Drops the partitions of all days before `oldest`. Returns what was dropped.
create function drop_days(oldest date) returns setof text language plpgsql as $$
declare
  child text;
begin
  for child in
    select c.relname
    from day_tables t
    join pg_class p on p.oid = to_regclass(t.name)
    join pg_inherits i on i.inhparent = p.oid
    join pg_class c on c.oid = i.inhrelid
    where right(c.relname, 8) ~ '^[0-9]{8}$' and to_date(right(c.relname, 8), 'YYYYMMDD') < oldest
    order by c.relname
  loop
    execute format('drop table %I', child);
    return next child;
  end loop;
end $$;
