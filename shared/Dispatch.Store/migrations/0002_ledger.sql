-- The ledger, what it has been told, and what is counted.

-- One row per message: what was promised, where it stands, and its whole timeline. The timeline is what the row remembers: a fact that is in it counts no second time,
-- and the state is a function of it alone, whatever the order of arrival. Numbers of class, channel, state and cap_check are those of records.proto.
-- What belongs to an index never changes once it is known, so updates stay within their page.
create table messages (
  day date not null,
  message_id uuid not null,
  request_id uuid,                   -- null: only a receipt has been seen, and nobody knows yet whose message it is
  tenant text not null,
  class smallint not null,
  channel smallint not null,
  recipient_key bytea not null,
  campaign text not null,
  labels text[] not null,
  accepted_at timestamptz not null,
  expires_at timestamptz,
  expected boolean not null,         -- its request has been read; the row came from an outcome otherwise
  state smallint not null,
  state_at timestamptz not null,     -- since when it is in this state, by the clock of whoever saw it
  reason text not null,              -- of the fact that decided the state
  provider text not null,            -- of the last attempt
  lane text not null,
  attempts int not null,
  segments int not null,             -- SMS parts
  cap_check smallint not null,
  timeline bytea not null,           -- a serialised Timeline (records.proto)
  primary key (message_id, day)
) partition by range (day);

create index messages_request on messages (request_id);
create index messages_listing on messages (tenant, accepted_at, message_id);
create index messages_recipient on messages (recipient_key, accepted_at);

-- The facts in the order in which they were learnt, each once: for exports and analytics. By message they are in the ledger row's timeline.
create table outcomes (
  day date not null,                 -- of the message
  message_id uuid not null,
  tenant text not null,
  kind smallint not null,
  at timestamptz not null,
  recorded_at timestamptz not null default now(),
  attempt_epoch bigint not null,
  attempt int not null,
  source_id text not null,
  verdict smallint not null,
  scope smallint not null,
  reason text not null,
  provider text not null,
  lane text not null,
  state smallint not null,
  provider_message_id text not null,
  segments int not null
) partition by range (day);

create index outcomes_recorded on outcomes using brin (recorded_at);

-- SDK events, each once per (tenant, event_id) for as long as days are kept.
create table events (
  day date not null,
  tenant text not null,
  event_id text not null,
  user_id text not null,
  name text not null,
  at timestamptz not null,
  received_at timestamptz not null,
  message_id uuid,
  attributes bytea not null,         -- JSON, as it was sent
  primary key (tenant, event_id, day)
) partition by range (day);

-- Minute buckets, by the time at which something happened. A row with label '' counts everything once; a row with a label counts what carries it.
-- kind: see StatKinds.
create table stats (
  day date not null,                 -- of the minute
  minute timestamptz not null,
  tenant text not null,
  campaign text not null,
  label text not null,
  channel smallint not null,
  provider text not null,
  class smallint not null,
  kind text not null,
  count bigint not null,
  segments bigint not null,
  primary key (tenant, minute, kind, channel, class, label, campaign, provider, day)
) partition by range (day);

insert into day_tables (name, settings) values
  ('messages', 'with (fillfactor = 80)'),
  ('outcomes', ''),
  ('events', ''),
  ('stats', 'with (fillfactor = 70)');

select ensure_day(current_date + n) from generate_series(-1, 2) as n;
