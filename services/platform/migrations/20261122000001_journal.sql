-- The journal: every fact, once, in the transaction of the change it tells of. It is also the outbox.

create table journal.entry (
    -- Order of writing, not of commit: read in order of (tx, seq) and only below the oldest running transaction.
    seq         bigint generated always as identity primary key,
    -- Transaction that wrote it, to know when everything before it is visible.
    tx          bigint not null default (pg_current_xact_id()::text::bigint),
    event_id    uuid not null unique,
    type        text not null,
    subject     text not null,
    source      text not null,
    recorded_at timestamptz not null,
    incident_id uuid,
    -- The event this one follows from.
    cause       uuid,
    traceparent text,
    -- json, not jsonb: the exact bytes are what gets hashed.
    data        json not null
);
create index entry_tx on journal.entry (tx, seq);
create index entry_incident on journal.entry (incident_id, seq) where incident_id is not null;

-- Not yet acknowledged by the bus. The row goes when JetStream has the message.
create table journal.pending (
    event_id uuid primary key
);

-- Events a consumer could not read or apply: kept, counted, shown; never skipped silently.
create table journal.dead_letter (
    consumer text not null,
    event_id uuid not null,
    type     text not null,
    why      text not null,
    at       timestamptz not null,
    primary key (consumer, event_id)
);

grant select, insert on journal.entry to vigie_service;
grant insert on journal.pending to vigie_service;
grant select, insert on journal.dead_letter to vigie_service;
revoke update, delete, truncate on journal.entry, journal.pending, journal.dead_letter from vigie_service, public;

-- Only the relay takes a row off the pending list, and it may touch nothing else.
grant select on journal.entry to vigie_relay;
grant select, update, delete on journal.pending to vigie_relay;
