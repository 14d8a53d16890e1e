-- Credentials, sessions and handover notes are the directory's; versions hold addresses. Those who need one of them are named.

revoke select on directory.credential, directory.session, directory.handover, directory.version from vigie_service;
grant select (id, body, from_position, to_position, at, by_source) on directory.handover to vigie_service, vigie_operator;
grant select (what, hash, published_at, published_by, note) on directory.version to vigie_service, vigie_operator;

-- Tells whose a token or a session is.
grant usage on schema directory to vigie_authenticator, vigie_follower;
grant select on directory.credential, directory.session to vigie_authenticator;

-- Reads what is in force.
grant select on directory.in_force, directory.version to vigie_follower;

grant select (source_id, purpose, created_at, expires_at, revoked_at) on directory.credential to vigie_operator;
grant select (source_id, expires_at) on directory.session to vigie_operator;
grant select on directory.in_force, directory.activation, directory.proof, directory.inbox, directory.watermark,
    directory.drill, directory.probe to vigie_operator;
