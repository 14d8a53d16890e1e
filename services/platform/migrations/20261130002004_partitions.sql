-- Growth. The journal and the inboxes are ranges of the event's identifier, a month each: an identifier begins with the instant
-- at which it was made (UUIDv7, RFC 9562), so it stays unique, and a look-up by it reads one partition. What was one table is
-- the first partition, as far as the next month. Why: services/decisions/07-growth.md.

-- The lowest identifier made at that instant or later.
create function journal.id_at(at timestamptz) returns uuid language sql immutable strict
    return (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- Which partition holds what: [since, until), an open beginning for the first.
create table journal.partition (
    whole       text not null,
    name        text not null primary key,
    since       timestamptz not null,
    until       timestamptz not null,
    detached_at timestamptz
);
create index partition_whole on journal.partition (whole, since);

-- Where the journal was at some instants: what was written since has an identifier of that instant or later, but for the late.
create table journal.mark (
    epoch int not null,
    tx    bigint not null,
    at    timestamptz not null default now(),
    primary key (epoch, tx)
);
create index mark_at on journal.mark (at);

-- Facts whose identifier lies more than a day behind the transaction that wrote them, or any mark: a clock was wrong.
create table journal.late (
    event_id uuid not null,
    epoch    int not null,
    tx       bigint not null
);
create index late_order on journal.late (epoch, tx);

grant select on journal.mark, journal.late to vigie_service, vigie_relay, vigie_operator;
grant select on journal.partition to vigie_relay, vigie_operator;

-- No fact at or after this position has a lower identifier. A day for clocks, a day for transactions.
create function journal.floor(of_epoch int, of_tx bigint) returns uuid language sql stable
    return least(
        coalesce((select journal.id_at(m.at - interval '2 days') from journal.mark m
                   where (m.epoch, m.tx) <= (of_epoch, of_tx) order by m.epoch desc, m.tx desc limit 1),
                 '00000000-0000-0000-0000-000000000000'),
        (select l.event_id from journal.late l where (l.epoch, l.tx) >= (of_epoch, of_tx) order by l.event_id limit 1));

-- Makes the partition of a month; what waited for it in the default partition moves in.
create function journal.make_month(of_whole text, month timestamptz) returns void language plpgsql as $$
declare
    ends timestamptz := month + interval '1 month';
    name text := of_whole || to_char(month at time zone 'UTC', '_YYYY_MM');
    waiting bigint;
begin
    if exists (select from journal.partition p where p.whole = of_whole and p.until > month and p.since < ends) then
        return;
    end if;
    execute format('create table %s (like %s including defaults including indexes)', name, of_whole);
    if (select relrowsecurity from pg_class where oid = of_whole::regclass) then
        execute format('alter table %s enable row level security', name);
    end if;
    execute format('select count(*) from %s_default where event_id >= journal.id_at(%L) and event_id < journal.id_at(%L)', of_whole, month, ends)
       into waiting;
    if waiting > 0 then
        execute format('lock table %s_default in access exclusive mode', of_whole);
        execute format('with waiting as (delete from %s_default where event_id >= journal.id_at(%L) and event_id < journal.id_at(%L) returning *)
                        insert into %s select * from waiting', of_whole, month, ends, name);
    end if;
    execute format('alter table %s attach partition %s for values from (%L) to (%L)', of_whole, name, journal.id_at(month), journal.id_at(ends));
    insert into journal.partition (whole, name, since, until) values (of_whole, name, month, ends);
end $$;

-- Makes a table ranges of its column event_id; what it holds becomes the first, its policies and grants the whole's.
create function journal.divide(whole regclass) returns void language plpgsql as $$
declare
    schema text := (select relnamespace::regnamespace::text from pg_class where oid = whole);
    name text := (select relname from pg_class where oid = whole);
    ends timestamptz := date_trunc('month', now(), 'UTC') + interval '1 month';
    first regclass;
    new regclass;
    had record;
begin
    for had in select indexrelid::regclass as index, relname from pg_index join pg_class on pg_class.oid = indexrelid where indrelid = whole loop
        execute format('alter index %s rename to %I', had.index, had.relname || '_first');
    end loop;
    execute format('alter table %s rename to %I', whole, name || '_first');
    first := format('%I.%I', schema, name || '_first')::regclass;
    execute format('create table %I.%I (like %s including defaults including indexes) partition by range (event_id)', schema, name, first);
    new := format('%I.%I', schema, name)::regclass;
    execute format('create table %I.%I partition of %s default', schema, name || '_default', new);

    for had in select case a.grantee when 0 then 'public' else quote_ident(a.grantee::regrole::text) end as grantee, a.privilege_type as privilege, '' as of_columns
                 from pg_class c, aclexplode(c.relacl) a where c.oid = first and a.grantee <> c.relowner
               union all
               select case a.grantee when 0 then 'public' else quote_ident(a.grantee::regrole::text) end, a.privilege_type, format('(%I)', t.attname)
                 from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a where c.oid = first and a.grantee <> c.relowner
    loop
        execute format('grant %s %s on %s to %s', had.privilege, had.of_columns, new, had.grantee);
        execute format('revoke %s %s on %s from %s', had.privilege, had.of_columns, first, had.grantee);
    end loop;
    if (select relrowsecurity from pg_class where oid = first) then
        execute format('alter table %s enable row level security', new);
    end if;
    for had in select policyname, cmd, array_to_string(roles, ', ') as roles, qual, with_check from pg_policies
                where schemaname = schema and tablename = name || '_first'
    loop
        execute format('create policy %I on %s for %s to %s', had.policyname, new, had.cmd, had.roles)
             || coalesce(' using (' || had.qual || ')', '') || coalesce(' with check (' || had.with_check || ')', '');
        execute format('drop policy %I on %s', had.policyname, first);
    end loop;

    -- Made by a clock that ran ahead: where no month is yet.
    execute format('with ahead as (delete from %s where event_id >= journal.id_at(%L) returning *) insert into %I.%I select * from ahead',
                   first, ends, schema, name || '_default');
    execute format('alter table %s attach partition %s for values from (minvalue) to (%L)', new, first, journal.id_at(ends));
    insert into journal.partition (whole, name, since, until)
    values (format('%I.%I', schema, name), format('%I.%I', schema, name || '_first'), '-infinity', ends);
    for ahead in 0..2 loop
        perform journal.make_month(format('%I.%I', schema, name), ends + ahead * interval '1 month');
    end loop;
end $$;

-- Notes where the journal is, makes the partitions of this month and of `ahead` more, and returns how many facts lie in none.
create function journal.keep(ahead int) returns bigint language plpgsql security definer set search_path = pg_catalog set lock_timeout = '2s' as $$
declare
    of_whole text;
    month timestamptz;
    lost bigint;
begin
    if pg_is_in_recovery() then
        return 0;
    end if;
    insert into journal.mark (epoch, tx)
    select max(epoch), pg_snapshot_xmin(pg_current_snapshot())::text::bigint from journal.cluster
    on conflict do nothing;
    for of_whole in select distinct whole from journal.partition loop
        for month in select generate_series(0, least(ahead, 24)) * interval '1 month' + date_trunc('month', now(), 'UTC') loop
            perform journal.make_month(of_whole, month);
        end loop;
    end loop;
    select count(*) into lost from journal.entry_default;
    return lost;
end $$;

-- Takes the partitions off that end before that instant, and returns their names: tables of their own, for whoever keeps or
-- drops them. Refuses while a fact of one has not reached the bus or may still be looked for by a consumer.
create function journal.detach(before timestamptz) returns setof text language plpgsql security definer set search_path = pg_catalog set lock_timeout = '2s' as $$
declare
    old record;
    behind text;
    owes boolean;
begin
    for old in select p.* from journal.partition p where p.until <= before and p.detached_at is null order by p.since, p.name desc loop
        if old.whole = 'journal.entry' then
            execute format('select exists (select from journal.pending p join %s e on e.event_id = p.event_id)', old.name) into owes;
            if owes then
                raise exception '% holds facts that have not reached the bus', old.name using hint = 'Wait until the bus takes them.';
            end if;
            for behind in select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                           where c.relname = 'watermark' and c.relkind = 'r'
            loop
                execute format('select exists (select from %s w join (select epoch, tx from %s order by epoch desc, tx desc limit 1) e on (w.epoch, w.tx) <= (e.epoch, e.tx))',
                               behind, old.name) into owes;
                if owes then
                    raise exception '% may still be read by a consumer of %', old.name, behind using hint = 'Its watermark must pass the last fact first.';
                end if;
            end loop;
        end if;
        execute format('alter table %s detach partition %s', old.whole, old.name);
        update journal.partition set detached_at = now() where name = old.name;
        return next old.name;
    end loop;
end $$;

revoke execute on function journal.id_at, journal.floor, journal.divide, journal.make_month, journal.keep, journal.detach from public;
grant execute on function journal.id_at, journal.floor to vigie_service, vigie_relay, vigie_porter;
grant execute on function journal.keep to vigie_relay;
grant insert on journal.late to vigie_service, vigie_porter;

-- The identity column of one table gives way to a sequence of the whole, which goes on.
alter table journal.entry drop constraint entry_pkey;
alter table journal.entry alter column seq drop identity;
create sequence journal.entry_seq as bigint;
select setval('journal.entry_seq', coalesce(max(seq), 0) + 1, false) from journal.entry;
grant usage on sequence journal.entry_seq to vigie_service, vigie_porter;
alter table journal.entry alter column seq set default nextval('journal.entry_seq');
select journal.divide('journal.entry');
alter sequence journal.entry_seq owned by journal.entry.seq;
grant select (epoch, tx) on journal.entry to vigie_porter;
grant select on journal.mark to vigie_porter;

-- Only the whole's default counts: what is written through it.
create or replace function journal.enter() returns int language plpgsql security definer set search_path = pg_catalog as $$
declare
    here text := journal.identity();
    known record;
begin
    select c.epoch, c.identity into known from journal.cluster c order by c.epoch desc limit 1;
    if here is null or known.identity = here then
        return known.epoch;
    end if;
    lock table journal.cluster in exclusive mode;
    select c.epoch, c.identity into known from journal.cluster c order by c.epoch desc limit 1;
    if known.identity = here then
        return known.epoch;
    end if;
    insert into journal.cluster (epoch, identity) values (known.epoch + 1, here);
    execute format('alter table only journal.entry alter column epoch set default %s', known.epoch + 1);
    return known.epoch + 1;
end $$;
