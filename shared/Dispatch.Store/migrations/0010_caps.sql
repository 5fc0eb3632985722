-- The reservation ledger of caps: one row for each recipient key, with its places under all rules.
-- places: 32 bytes each, little-endian: rule number (8), counts until in Unix milliseconds (8), message id (16, low half first). See cap_places().
-- until: the last of them, so that a row whose places have all ended can be dropped.
-- Updates touch no indexed column and find room in their own page (fillfactor), so that they need no index entry.
create table caps (
  recipient_key uuid primary key,
  places bytea not null default ''::bytea,
  until bigint not null default 0
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.2);

-- For people: the places of a row, readable.
create function cap_places(places bytea) returns table (rule bigint, until timestamptz, message_id uuid)
language sql immutable as $$
  select
    (select sum(get_byte(places, at + i)::bigint << (8 * i)) from generate_series(0, 7) i)::bigint,
    to_timestamp((select sum(get_byte(places, at + 8 + i)::bigint << (8 * i)) from generate_series(0, 7) i) / 1000.0),
    (select string_agg(lpad(to_hex(get_byte(places, at + 31 - i)), 2, '0'), '' order by i) from generate_series(0, 15) i)::uuid
  from generate_series(0, length(places) - 32, 32) at
$$;
