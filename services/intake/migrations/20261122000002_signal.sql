-- What was raised, by whom, and how each came.

create sequence intake.signal_number;

create table intake.signal (
    id              uuid primary key,
    reference       text not null unique,
    source_id       text not null,
    source_role     text not null,
    kind            text not null,
    severity        text not null,
    -- Free text of the raiser. Leaves this table only for those who may read it; never an event, a log or a message.
    summary         text,
    location        jsonb not null,
    occurred_at     timestamptz not null,
    expected_at     timestamptz,
    parties         jsonb,
    facts           text[] not null default '{}',
    received_at     timestamptz not null,
    -- The caller's key, or the signal's own id when it gave none.
    idempotency_key text not null,
    -- SHA-256 of the report as understood, to tell a repetition from another signal under the same key.
    fingerprint     bytea not null,
    constraint signal_idempotency unique (source_id, idempotency_key)
);
create index signal_source on intake.signal (source_id, received_at desc);

-- Sessions opened by a personal link; the cookie's hash.
create table intake.session (
    digest     bytea primary key,
    source_id  text not null,
    expires_at timestamptz not null
);

-- A personal link opens one session, once.
create table intake.used_link (
    digest  bytea primary key,
    used_at timestamptz not null
);

grant usage on sequence intake.signal_number to vigie_intake;
grant select, insert on intake.signal to vigie_intake;
grant select, insert, delete on intake.session to vigie_intake;
grant select, insert on intake.used_link to vigie_intake;
-- The console shows a signal's text to those who may read it.
grant select on intake.signal to vigie_service;
