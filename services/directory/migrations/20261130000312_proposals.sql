-- Changes of who may do what wait for a second person. Nothing of a proposal is in force before it is approved.

create table directory.proposal (
    id          bigint generated always as identity primary key,
    -- The files it changes: name, SHA-256 of the text it was made on, and the new text; null where there is none.
    content     jsonb not null,
    -- SHA-256 of the content and of what is guarded: the same change of the same configuration is proposed once.
    digest      bytea not null,
    -- Hashes of what was in force when it was made, by `what`.
    base        jsonb not null,
    -- SHA-256 of what said who may do what when it was made.
    guarded     text not null,
    touches     text[] not null,
    rolled_back boolean not null,
    note        text,
    by_source   text not null,
    at          timestamptz not null,
    state       text not null default 'waiting' check (state in ('waiting', 'approved', 'withdrawn')),
    decided_by  text,
    decided_at  timestamptz,
    check ((state = 'waiting') = (decided_at is null)),
    -- Nobody approves a change of their own.
    check (state <> 'approved' or decided_by is distinct from by_source)
);
create unique index proposal_once on directory.proposal (digest) where state = 'waiting';

grant select, insert, update on directory.proposal to vigie_directory;
