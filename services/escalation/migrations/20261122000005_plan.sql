-- Plans under way, and what each step has told.

create table escalation.inbox (
    consumer text not null,
    event_id uuid not null,
    at       timestamptz not null,
    primary key (consumer, event_id)
);
create table escalation.watermark (consumer text primary key, tx bigint not null);

create table escalation.plan (
    incident_id uuid primary key,
    -- The pure state machine's state.
    state       jsonb not null,
    -- The incident as last heard of.
    snapshot    jsonb not null,
    -- Earliest due time of a step not yet settled; null when nothing is left to do.
    next_due    timestamptz,
    -- The event that opened or last changed the plan, and its trace: a due step continues it.
    cause       uuid not null,
    traceparent text
);
create index plan_due on escalation.plan (next_due) where next_due is not null;

-- One row per recipient told by a step: what makes a second alert impossible.
create table escalation.told (
    incident_id uuid not null,
    generation  integer not null,
    step        text not null,
    contact     text not null,
    alert_id    uuid not null,
    primary key (incident_id, generation, step, contact)
);

create table escalation.alert (
    id          uuid primary key,
    incident_id uuid not null,
    generation  integer not null,
    -- Incident version the recipient was told of.
    version     integer not null,
    purpose     text not null,
    body        text not null,
    role        text not null,
    contact     text not null,
    channel     text not null,
    steps       text[] not null,
    issued_at   timestamptz not null
);
create index alert_incident on escalation.alert (incident_id, issued_at);

grant select, insert, update, delete on escalation.inbox, escalation.watermark to vigie_escalation;
grant select, insert, update on escalation.plan to vigie_escalation;
grant select, insert on escalation.told, escalation.alert to vigie_escalation;
grant select on escalation.plan, escalation.alert to vigie_service;
