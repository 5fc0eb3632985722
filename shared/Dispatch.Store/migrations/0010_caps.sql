-- The reservation ledger of caps: one row for each recipient key, with its places under all rules.
-- places: 16 bytes each, little-endian: low half of the message id (8), rule number (4), counts until in Unix seconds (4). See cap_places().
-- until: the end of the last of them, Unix seconds, so that a row whose places have all ended can be dropped.
-- Updates touch no indexed column and find room in their own page (fillfactor), so that they need no index entry.
create table caps (
  recipient_key uuid primary key,
  places bytea not null default ''::bytea,
  until bigint not null default 0
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.2);

-- For people: the places of a row, readable.
create function cap_places(places bytea) returns table (message_id_ends_with text, rule integer, until timestamptz)
language sql immutable as $$
  select
    (select string_agg(lpad(to_hex(get_byte(places, at + 7 - i)), 2, '0'), '' order by i) from generate_series(0, 7) i),
    (select sum(get_byte(places, at + 8 + i)::bigint << (8 * i)) from generate_series(0, 3) i)::integer,
    to_timestamp((select sum(get_byte(places, at + 12 + i)::bigint << (8 * i)) from generate_series(0, 3) i)::bigint)
  from generate_series(0, length(places) - 16, 16) at
$$;
