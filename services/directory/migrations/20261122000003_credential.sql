-- Credentials of sources: only a hash is stored.

create table directory.credential (
    digest     bytea primary key,
    source_id  text not null,
    -- token: calls the API. link: opens the head's form once.
    purpose    text not null check (purpose in ('token', 'link')),
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz
);
create index credential_source on directory.credential (source_id, purpose) where revoked_at is null;

-- What was last in force, to journal a change once.
create table directory.in_force (
    what  text primary key check (what in ('doctrine', 'territory', 'directory')),
    hash  text not null,
    since timestamptz not null
);

grant select, insert, update on directory.credential to vigie_directory;
grant select, insert, update on directory.in_force to vigie_directory;
grant select on directory.credential, directory.in_force to vigie_service;
