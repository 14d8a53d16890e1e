-- What people did at this edge. The state they change belongs to others; the words they wrote stay here.

create table console.act (
    id          uuid primary key,
    incident_id uuid not null,
    body        text not null,
    role        text not null,
    through     text not null,
    did         jsonb not null,
    -- Free text: a note, the reason of a change.
    text        text,
    at          timestamptz not null
);
create index act_incident on console.act (incident_id, at);

grant select, insert on console.act to vigie_console;
