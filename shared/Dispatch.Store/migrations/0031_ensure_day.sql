-- Under the lock the catalog itself is asked: a lock that is not a table's brings no news to this session's cache, so to_regclass went on saying that the partition was missing.
create or replace function ensure_day(wanted date) returns void language plpgsql as $$
declare
  parent text;
  parameters text;
  child text;
begin
  for parent, parameters in select name, settings from day_tables order by name loop
    child := parent || '_' || to_char(wanted, 'YYYYMMDD');
    if to_regclass(child) is null then
      perform pg_advisory_xact_lock(hashtext('ensure_day'));
      if not exists (select from pg_class where relname = child and relnamespace = (select relnamespace from pg_class where oid = to_regclass(parent))) then
        execute format('create table %I (like %I including defaults including constraints) %s', child, parent, parameters);
        execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, child, wanted, wanted + 1);
      end if;
    end if;
  end loop;
end $$;
