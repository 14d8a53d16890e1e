-- Crises and exercises: the state of each, the facts that tell of it, the words people wrote about it.

create table crisis.inbox (
    consumer text not null,
    event_id uuid not null,
    at       timestamptz not null,
    primary key (consumer, event_id)
);
create table crisis.watermark (consumer text primary key, tx bigint not null);

create sequence crisis.number;

create table crisis.crisis (
    id        uuid primary key,
    reference text not null unique,
    nature    text not null,
    closed    boolean not null,
    -- Every sector concerned: who sees it.
    sectors   text[] not null,
    -- The pure state machine's state.
    state     jsonb not null,
    -- Earliest due time of a mobilisation, a report, a reminder or an event of a script; null when nothing is due.
    next_due  timestamptz,
    opened_at timestamptz not null
);
create index crisis_due on crisis.crisis (next_due) where next_due is not null;
create index crisis_page on crisis.crisis (opened_at desc);

-- An incident belongs to one crisis.
create table crisis.incident (
    incident_id uuid primary key,
    crisis_id   uuid not null references crisis.crisis
);

-- Facts of the journal that tell of a crisis.
create table crisis.fact (
    crisis_id uuid not null references crisis.crisis,
    event_id  uuid not null,
    primary key (crisis_id, event_id)
);

-- What people wrote: situation reports, feedback, actions. Never in an event, a message or a log.
create table crisis.words (
    crisis_id uuid not null references crisis.crisis,
    -- `report/<sector>/<number>`, `retex/<section>`, `action/<number>`.
    about     text not null,
    text      text not null,
    body      text not null,
    at        timestamptz not null,
    primary key (crisis_id, about)
);

-- Signals of a script: the incidents they open belong to the exercise.
create table crisis.played (
    signal_id uuid primary key,
    crisis_id uuid not null references crisis.crisis
);

grant usage on sequence crisis.number to vigie_crisis;
grant select, insert, update, delete on crisis.inbox, crisis.watermark to vigie_crisis;
grant select, insert, update on crisis.crisis, crisis.words to vigie_crisis;
grant select, insert on crisis.incident, crisis.fact, crisis.played to vigie_crisis;
