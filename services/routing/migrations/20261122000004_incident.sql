-- Incidents: what was opened because of one or more signals.

create table routing.inbox (
    consumer text not null,
    event_id uuid not null,
    at       timestamptz not null,
    primary key (consumer, event_id)
);
create table routing.watermark (consumer text primary key, tx bigint not null);

create sequence routing.incident_number;

create table routing.incident (
    id             uuid primary key,
    reference      text not null unique,
    -- Counts changes of severity and status, from 1.
    version        integer not null,
    -- Version at which its severity last rose: an acknowledgement of an older one is stale.
    asked_version  integer not null,
    kind           text not null,
    severity       text not null,
    status         text not null,
    sector         text not null,
    also_concerns  text[] not null default '{}',
    -- The snapshot events carry, as last published.
    snapshot       jsonb not null,
    -- What the doctrine was asked with: kept to plan again when the severity changes.
    situation      jsonb not null,
    lon            double precision,
    lat            double precision,
    opened_at      timestamptz not null,
    last_signal_at timestamptz not null,
    closed_at      timestamptz
);
create index incident_joinable on routing.incident (kind, sector, last_signal_at) where status <> 'closed';
create index incident_page on routing.incident (opened_at desc, id desc);

create table routing.incident_signal (
    signal_id   uuid primary key,
    incident_id uuid not null,
    joined_at   timestamptz not null
);
create index incident_signal_incident on routing.incident_signal (incident_id);

create table routing.acknowledgement (
    act_id       uuid primary key,
    incident_id  uuid not null,
    body         text not null,
    role         text not null,
    through      text not null,
    seen_version integer not null,
    at           timestamptz not null
);
create index acknowledgement_incident on routing.acknowledgement (incident_id);

grant usage on all sequences in schema routing to vigie_routing;
grant select, insert, update, delete on routing.inbox, routing.watermark to vigie_routing;
grant select, insert, update on routing.incident to vigie_routing;
grant select, insert on routing.incident_signal, routing.acknowledgement to vigie_routing;
-- Edges read; only the owner writes.
grant select on routing.incident, routing.incident_signal, routing.acknowledgement to vigie_service;
