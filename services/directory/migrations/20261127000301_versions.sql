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
