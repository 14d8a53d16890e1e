-- Dead letters somebody wants tried again, once what they failed on is mended.
create table journal.revival (
    id         bigint generated always as identity primary key,
    consumer   text not null,
    event_id   uuid not null,
    -- Source of whoever asked, a function.
    asked_by   text not null,
    asked_at   timestamptz not null,
    settled_at timestamptz,
    -- Why it was set aside once more; null when it was applied.
    why        text
);
create unique index revival_waiting on journal.revival (consumer, event_id) where settled_at is null;

grant select, update (settled_at, why) on journal.revival to vigie_service;
