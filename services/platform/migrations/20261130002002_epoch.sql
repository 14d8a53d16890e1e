-- The journal's order is its own: transaction numbers begin again in another cluster (dump and restore, pg_upgrade) and may
-- be given again after a failover or a point-in-time recovery. Each cluster and timeline is an epoch; order is (epoch, tx, seq).
create table journal.cluster (
    epoch    int primary key,
    -- System identifier and timeline; none when nobody wrote down which it was.
    identity text,
    since    timestamptz not null default now()
);
grant select on journal.cluster to vigie_service, vigie_relay, vigie_operator;

-- System identifier and timeline of this cluster; none while it only follows another.
create function journal.identity() returns text language sql volatile as $$
    select case when pg_is_in_recovery() then null
                else (select system_identifier from pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) end
$$;

alter table journal.entry add column epoch int not null default 1;
create index entry_order on journal.entry (epoch, tx, seq);
drop index journal.entry_tx;

do $$
declare
    here bigint := pg_current_xact_id()::text::bigint;
    last bigint := (select max(tx) from journal.entry);
begin
    if last > here then
        -- Restored before it knew of epochs: what is there was written by another cluster.
        insert into journal.cluster (epoch) values (1);
        insert into journal.cluster (epoch, identity) values (2, journal.identity());
        alter table journal.entry alter column epoch set default 2;
    else
        insert into journal.cluster (epoch, identity) values (1, journal.identity());
    end if;
end $$;

-- Whoever connects asks; the first in another cluster, or on another timeline, begins an epoch. Nobody writes before.
create function journal.enter() returns int language plpgsql security definer set search_path = pg_catalog as $$
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
    execute format('alter table journal.entry alter column epoch set default %s', known.epoch + 1);
    return known.epoch + 1;
end $$;
revoke execute on function journal.enter, journal.identity from public;
grant execute on function journal.enter to vigie_service, vigie_relay, vigie_porter;
