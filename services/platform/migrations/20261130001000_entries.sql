-- What wakes a consumer only wakes: this enters events in its inbox and says what the journal holds of them, in one statement.
--
-- A function of each service that has an inbox. One event after the other, each by two keys: most batches are of one, and
-- what a set of them needs to be joined costs more than it saves. By indexes from the first day on: a plan made while the
-- tables are small would read all of them, and be kept while they grow. It may what its caller may.
create function journal.give_inbox(service text) returns void language plpgsql as $give$
begin
    execute format($make$
        -- What the journal does not hold is not returned. With `again`, what lies below the watermark is entered like anything
        -- else: somebody wants it tried again.
        create function %1$I.enter_inbox(of_consumer text, ids uuid[], entered_at timestamptz, again boolean)
            returns table (event_id uuid, type text, subject text, source text, recorded_at timestamptz, incident_id uuid,
                           cause uuid, traceparent text, data text, is_fresh boolean, is_replayed boolean)
            language plpgsql
            set enable_seqscan = off
        as $body$
        #variable_conflict use_column
        declare
            settled_below bigint := 0;
            id uuid;
            held journal.entry;
        begin
            if not again then
                select w.tx into settled_below from %1$I.watermark w where w.consumer = of_consumer;
            end if;
            foreach id in array ids loop
                select * into held from journal.entry e where e.event_id = id;
                continue when not found;
                if held.tx < settled_below then
                    is_fresh := false;
                    is_replayed := not exists (select from %1$I.inbox i where i.consumer = of_consumer and i.event_id = id);
                else
                    insert into %1$I.inbox (consumer, event_id, at) values (of_consumer, id, entered_at) on conflict do nothing;
                    is_fresh := found;
                    is_replayed := false;
                end if;
                event_id := held.event_id;
                type := held.type;
                subject := held.subject;
                source := held.source;
                recorded_at := held.recorded_at;
                incident_id := held.incident_id;
                cause := held.cause;
                traceparent := held.traceparent;
                data := held.data::text;
                return next;
            end loop;
        end $body$
    $make$, service);
end $give$;
revoke execute on function journal.give_inbox from public;
