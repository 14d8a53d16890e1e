-- Credentials, sessions and handover notes are the directory's; versions hold addresses. Those who need one of them are named.

revoke select on directory.credential, directory.session, directory.handover, directory.version from vigie_service;
grant select (id, body, from_position, to_position, at, by_source) on directory.handover to vigie_service, vigie_operator;
grant select (what, hash, published_at, published_by, note) on directory.version to vigie_service, vigie_operator;

-- Tells whose a token or a session is.
grant usage on schema directory to vigie_authenticator, vigie_follower;
grant select on directory.credential, directory.session to vigie_authenticator;

-- Writes down what happened at the doors, in the journal, and when a session or token was last used.
grant usage on schema directory, journal to vigie_porter;
grant select (id), update (last_used_at) on directory.credential, directory.session to vigie_porter;
grant insert, select (event_id) on journal.entry to vigie_porter;
grant insert on journal.pending to vigie_porter;

-- Directories without the addresses of contact points: what processes see that neither send nor keep the directory.
-- Written with each version; of versions of before by `vigie migrate`.
create table directory.version_shared (
    hash    text primary key,
    -- A JSON object of file names and texts, as in directory.version.
    content bytea not null
);
grant select, insert on directory.version_shared to vigie_directory;

-- Read with the owner's rights. Content is null of a directory that is not shared yet.
create view directory.shared as
    select v.what, v.hash, case v.what when 'directory' then s.content else v.content end as content
      from directory.version v left join directory.version_shared s on v.what = 'directory' and s.hash = v.hash;

-- Read what is in force: without addresses, or with them.
grant usage on schema directory to vigie_contacts;
grant select on directory.in_force, directory.shared to vigie_follower;
grant select on directory.in_force, directory.version to vigie_contacts;

grant select (id, source_id, purpose, created_at, expires_at, revoked_at, last_used_at) on directory.credential to vigie_operator;
grant select (id, source_id, created_at, expires_at, last_used_at, opened_by) on directory.session to vigie_operator;
grant select on directory.in_force, directory.activation, directory.proof, directory.inbox, directory.watermark,
    directory.drill, directory.probe, directory.shared to vigie_operator;
