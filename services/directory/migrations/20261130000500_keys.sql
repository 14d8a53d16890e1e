-- Sessions and tokens are listed, ended one by one, and tell when they were last used.

alter table directory.credential
    -- What people name it by: never its digest.
    add column id           uuid not null default gen_random_uuid(),
    -- To the hour: a busy token must not be a busy row.
    add column last_used_at timestamptz;
create unique index credential_id on directory.credential (id);

alter table directory.session
    add column id           uuid not null default gen_random_uuid(),
    -- Null: opened before it was written down.
    add column created_at   timestamptz,
    add column last_used_at timestamptz,
    -- What opened it; a personal link, so far.
    add column opened_by    text not null default 'link';
create unique index session_id on directory.session (id);
create index session_source on directory.session (source_id);

grant update on directory.session to vigie_directory;
