-- Who has read the free text of an incident: once per session and incident, so that the journal says it once.
create table console.words_read (
    -- The session or token it was read with, as it is listed and ended.
    session     uuid not null,
    incident_id uuid not null,
    at          timestamptz not null,
    primary key (session, incident_id)
);

grant select, insert on console.words_read to vigie_console;
