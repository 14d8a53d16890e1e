-- Where a probe goes that is not addressed to a contact point in force: one that waits for the code that proves it, or the
-- predecessor of one that was replaced. Kept until the probe expires; never part of a fact.
create table directory.probe_address (
    probe      uuid primary key,
    channel    text not null,
    address    text not null,
    expires_at timestamptz not null
);
create index probe_address_expiry on directory.probe_address (expires_at);

grant select, insert, delete on directory.probe_address to vigie_directory;
-- Whoever sends, and nobody else. Schemas are migrated one after the other: its role may not be there yet.
do $$ begin
  if not exists (select from pg_roles where rolname = 'vigie_notification') then
    create role vigie_notification nologin;
  end if;
end $$;
grant select on directory.probe_address to vigie_notification;
