-- A contact point that a person enters or changes serves once it is verified; codes are limited.

-- What waits for its code: one change per contact point, the last one asked for.
create table directory.pending_contact (
    contact   text primary key,
    body      text not null,
    channel   text not null,
    address   text not null,
    duty      text,
    -- In whose name it is published once verified, and why.
    by_source text not null,
    note      text,
    asked_at  timestamptz not null
);
create index pending_contact_body on directory.pending_contact (body);
grant select, insert, update, delete on directory.pending_contact to vigie_directory;

alter table directory.probe
    -- The source that asked for a code; null for drills, notices and probes of before.
    add column by_source text,
    drop constraint probe_purpose_check,
    -- notice: tells an address that it was replaced; nobody answers it.
    add constraint probe_purpose_check check (purpose in ('verification', 'drill', 'notice'));
-- Codes are counted per address and per source over a day.
create index probe_code on directory.probe (issued_at) where purpose = 'verification';
