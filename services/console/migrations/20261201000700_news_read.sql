-- What of the news of an incident a desk has read: its mark on the board stands until somebody of that desk opens the
-- incident, on every screen and through every reload.
create table console.news_read (
    source      text not null,
    incident_id uuid not null,
    -- Facts of the journal: two of one incident may be committed in another order than they were written in, so that no
    -- "read up to here" would say it.
    entries     uuid[] not null,
    at          timestamptz not null,
    primary key (source, incident_id)
);
comment on column console.news_read.source is 'The directory''s id of the desk: what is read at one of its screens is read at all';

grant select, insert, update on console.news_read to vigie_console;
grant select on console.news_read to vigie_operator;
