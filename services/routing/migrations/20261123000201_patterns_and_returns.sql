-- Who is in charge, under which regime, what is owed, and what adds up.

alter table routing.incident
    -- Bodies in charge, the latest last.
    add column in_charge text[] not null default '{}',
    add column regime    text not null default 'none',
    add column nature    text not null default 'real';
create index incident_grave on routing.incident (kind, nature, severity, last_signal_at);

create table routing.owed (
    incident_id uuid not null,
    -- `circuit/id`, as in the plan.
    id          text not null,
    -- As the plan says it.
    owed        jsonb not null,
    -- Null while its clock has not started.
    due_at      timestamptz,
    outcome     text,
    given_by    text,
    given_at    timestamptz,
    primary key (incident_id, id)
);
create index owed_due on routing.owed (due_at) where given_at is null;

-- Signals of kinds whose signals may add up.
create table routing.trace (
    signal_id   uuid primary key,
    kind        text not null,
    nature      text not null,
    severity    text not null,
    lon         double precision,
    lat         double precision,
    schools     text[] not null,
    received_at timestamptz not null,
    -- It already made a graver incident together with others.
    spent       boolean not null default false
);
create index trace_counted on routing.trace (kind, nature, severity, received_at) where not spent;

grant select, insert, update on routing.owed to vigie_routing;
grant select, insert, update, delete on routing.trace to vigie_routing;
grant select on routing.owed to vigie_service;
