-- Sessions of people's browsers: a cookie whose hash is stored, opened once by a personal link.

create table directory.session (
    digest     bytea primary key,
    source_id  text not null,
    expires_at timestamptz not null
);
create index session_expiry on directory.session (expires_at);

-- A personal link opens one session, once.
create table directory.used_link (
    digest  bytea primary key,
    used_at timestamptz not null
);

grant select, insert, delete on directory.session to vigie_directory;
grant select, insert on directory.used_link to vigie_directory;
grant select on directory.session to vigie_service;
