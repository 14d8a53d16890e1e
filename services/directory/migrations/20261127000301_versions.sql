-- Every version ever published, and which came into force when: nothing is overwritten, so any of them can be taken back.

create table directory.version (
    what         text not null check (what in ('doctrine', 'territory', 'directory')),
    -- SHA-256 of the content as the domain reads it, 64 hexadecimal digits.
    hash         text not null,
    -- Doctrine and directory: a JSON object of file names and texts. Territory: the packed file.
    content      bytea not null,
    published_at timestamptz not null,
    -- Source that published it; null for whoever administers the machine.
    published_by text,
    -- Why, for those who read the history; functions, never names.
    note         text,
    primary key (what, hash)
);

create table directory.activation (
    id          bigint generated always as identity primary key,
    what        text not null check (what in ('doctrine', 'territory', 'directory')),
    hash        text not null,
    previous    text,
    at          timestamptz not null,
    by_source   text,
    note        text,
    rolled_back boolean not null default false
);
create index activation_of on directory.activation (what, id desc);

-- What the prover said of a configuration, the last time it was asked: one row per configuration and day.
create table directory.proof (
    doctrine  text not null,
    directory text not null,
    territory text not null,
    -- First day examined, local.
    from_day  date not null,
    report    jsonb not null,
    at        timestamptz not null,
    primary key (doctrine, directory, territory, from_day)
);

grant select, insert on directory.version, directory.activation to vigie_directory;
grant select, insert, update, delete on directory.proof to vigie_directory;
-- Every process reads what is in force.
grant select on directory.version, directory.activation, directory.proof to vigie_service;

-- What the directory's consumer has had.
create table directory.inbox (
    consumer text not null,
    event_id uuid not null,
    at       timestamptz not null,
    primary key (consumer, event_id)
);
create table directory.watermark (
    consumer text primary key,
    tx       bigint not null
);

-- A round of probes: is everybody reachable?
create table directory.drill (
    id        uuid primary key,
    -- The month of a regular drill, `2026-12`: one a month, whichever replica begins it. Null when somebody asked for it.
    month     text unique,
    channels  text[] not null,
    -- Empty: everywhere.
    sectors   text[] not null,
    opened_at timestamptz not null,
    -- Nobody's answer counts from then on.
    closes_at timestamptz not null,
    opened_by text
);

-- One message that tries a contact point.
create table directory.probe (
    id             uuid primary key,
    drill          uuid references directory.drill,
    purpose        text not null check (purpose in ('verification', 'drill')),
    contact        text not null,
    body           text not null,
    role           text not null,
    channel        text not null,
    -- SHA-256 of the address tried: an answer proves nothing of another address.
    address_digest bytea not null,
    state          text not null check (state in ('issued', 'sent', 'delivered', 'failed', 'answered')),
    -- Why it was given up, as in probe.settled.
    failure        text,
    issued_at      timestamptz not null,
    changed_at     timestamptz not null,
    expires_at     timestamptz not null,
    -- Wrong codes given.
    wrong_codes    integer not null default 0
);
create index probe_contact on directory.probe (contact, issued_at desc);
create index probe_drill on directory.probe (drill);

-- Whoever leaves duty tells the next what there is to know.
create table directory.handover (
    id            uuid primary key,
    body          text not null,
    from_position text not null,
    to_position   text not null,
    note          text not null,
    at            timestamptz not null,
    by_source     text not null
);
create index handover_body on directory.handover (body, at desc);

-- Calendars people subscribe to: only a hash of the secret address is kept.
create table directory.feed (
    digest     bytea primary key,
    body       text not null,
    -- One duty position; the whole roster when null.
    position   text,
    created_at timestamptz not null,
    created_by text not null,
    revoked_at timestamptz
);

grant select, insert, update, delete on directory.inbox, directory.watermark to vigie_directory;
grant select, insert on directory.drill, directory.handover to vigie_directory;
grant select, insert, update on directory.probe, directory.feed to vigie_directory;
grant select on directory.drill, directory.probe, directory.handover to vigie_service;
