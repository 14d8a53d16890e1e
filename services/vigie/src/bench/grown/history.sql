-- Two years of a city, made of the closed incidents that are there: each is told again `copies` times, ever earlier, with
-- everything that belongs to it. An identifier begins with its instant in windows of 65.536 s (UUIDv7, its first 32 bits), so
-- moving it by whole windows moves its time too, wherever its text stands.
create schema history;

create function history.by(copy int) returns interval language sql immutable return copy * {windows} * interval '65.536 seconds';
create function history.id(id uuid, copy int) returns uuid language sql immutable strict
    return (lpad(to_hex(('x' || left(id::text, 8))::bit(32)::bigint - copy * {windows}), 8, '0') || substr(id::text, 9))::uuid;

create table history.incident as select id from routing.incident where status = 'closed';
create table history.signal as select signal_id as id from routing.incident_signal where incident_id in (select id from history.incident);

-- The windows in which what is told again was made: a text is moved by replacing each.
do $$
declare
    of_text text := 't';
    head text;
begin
    for head in select distinct left(event_id::text, 8) from journal.entry order by 1 loop
        of_text := format('replace(%s, %L, left(history.id(%L, copy)::text, 9))', of_text, head || '-', head || '-0000-7000-8000-000000000000');
    end loop;
    execute format('create function history.text(t text, copy int) returns text language sql immutable as $f$ select %s $f$', of_text);
end $$;

-- Months of the past have partitions, as after two years of service.
alter table journal.entry detach partition journal.entry_first;
delete from journal.partition where name = 'journal.entry_first';
select journal.make_month('journal.entry', date_trunc('month', now(), 'UTC') - ago * interval '1 month') from generate_series(0, 25) ago;
insert into journal.entry select * from journal.entry_first;
drop table journal.entry_first;

create procedure history.tell(first int, last int) language plpgsql as $$
begin
    insert into intake.signal
    select (jsonb_populate_record(s, jsonb_build_object('id', history.id(s.id, copy), 'reference', s.reference || '-' || copy,
            'idempotency_key', s.idempotency_key || '-' || copy, 'received_at', s.received_at - history.by(copy)))).*
      from intake.signal s join history.signal using (id), generate_series(first, last) copy;
    insert into routing.incident
    select (jsonb_populate_record(i, jsonb_build_object('id', history.id(i.id, copy), 'reference', i.reference || '-' || copy,
            'snapshot', history.text(i.snapshot::text, copy)::jsonb, 'opened_at', i.opened_at - history.by(copy),
            'last_signal_at', i.last_signal_at - history.by(copy), 'closed_at', i.closed_at - history.by(copy)))).*
      from routing.incident i join history.incident using (id), generate_series(first, last) copy;
    insert into routing.incident_signal
    select (jsonb_populate_record(l, jsonb_build_object('signal_id', history.id(l.signal_id, copy),
            'incident_id', history.id(l.incident_id, copy), 'joined_at', l.joined_at - history.by(copy)))).*
      from routing.incident_signal l join history.incident i on i.id = l.incident_id, generate_series(first, last) copy;
    insert into routing.trace
    select (jsonb_populate_record(t, jsonb_build_object('signal_id', history.id(t.signal_id, copy), 'received_at', t.received_at - history.by(copy)))).*
      from routing.trace t join history.signal s on s.id = t.signal_id, generate_series(first, last) copy;
    insert into routing.acknowledgement
    select (jsonb_populate_record(a, jsonb_build_object('act_id', history.id(a.act_id, copy), 'incident_id', history.id(a.incident_id, copy),
            'at', a.at - history.by(copy)))).*
      from routing.acknowledgement a join history.incident i on i.id = a.incident_id, generate_series(first, last) copy;
    insert into routing.owed
    select (jsonb_populate_record(o, jsonb_build_object('incident_id', history.id(o.incident_id, copy), 'due_at', o.due_at - history.by(copy),
            'given_at', o.given_at - history.by(copy)))).*
      from routing.owed o join history.incident i on i.id = o.incident_id, generate_series(first, last) copy;
    insert into escalation.plan
    select (jsonb_populate_record(p, jsonb_build_object('incident_id', history.id(p.incident_id, copy),
            'state', history.text(p.state::text, copy)::jsonb, 'snapshot', history.text(p.snapshot::text, copy)::jsonb,
            'next_due', p.next_due - history.by(copy)))).*
      from escalation.plan p join history.incident i on i.id = p.incident_id, generate_series(first, last) copy;
    insert into escalation.told
    select (jsonb_populate_record(t, jsonb_build_object('incident_id', history.id(t.incident_id, copy), 'alert_id', history.id(t.alert_id, copy)))).*
      from escalation.told t join history.incident i on i.id = t.incident_id, generate_series(first, last) copy;
    insert into escalation.alert
    select (jsonb_populate_record(a, jsonb_build_object('id', history.id(a.id, copy), 'incident_id', history.id(a.incident_id, copy),
            'issued_at', a.issued_at - history.by(copy)))).*
      from escalation.alert a join history.incident i on i.id = a.incident_id, generate_series(first, last) copy;
    insert into notification.delivery
    select (jsonb_populate_record(d, jsonb_build_object('id', history.id(d.id, copy), 'alert_id', history.id(d.alert_id, copy),
            'incident_id', history.id(d.incident_id, copy), 'state', 'sent', 'created_at', d.created_at - history.by(copy),
            'changed_at', d.changed_at - history.by(copy)))).*
      from notification.delivery d join history.incident i on i.id = d.incident_id, generate_series(first, last) copy;
    insert into console.act
    select (jsonb_populate_record(a, jsonb_build_object('id', history.id(a.id, copy), 'incident_id', history.id(a.incident_id, copy),
            'at', a.at - history.by(copy)))).*
      from console.act a join history.incident i on i.id = a.incident_id, generate_series(first, last) copy;
    insert into journal.entry (seq, tx, event_id, type, subject, source, recorded_at, incident_id, cause, traceparent, data)
    select e.seq - copy * 1000000::bigint, e.tx - copy * 1000000::bigint, history.id(e.event_id, copy), e.type, e.subject, e.source,
           e.recorded_at - history.by(copy), history.id(e.incident_id, copy), history.id(e.cause, copy), e.traceparent,
           history.text(e.data::text, copy)::json
      from history.entry e, generate_series(first, last) copy;
end $$;

create table history.entry as
select e.* from journal.entry e
 where e.incident_id in (select id from history.incident)
    or e.type = 'vigie.signal.raised.v1' and (e.data ->> 'signal_id')::uuid in (select id from history.signal);
