-- What wakes a consumer only wakes: this enters events in its inbox and says what the journal holds of them, in one statement.
--
-- A function of each service that has an inbox, with a plan of its own kept for every call: planning it costs as much as
-- doing it. By indexes from the first day on: a plan made while the tables are small would read all of them, and be kept
-- while they grow. It may what its caller may.
create function journal.give_inbox(service text) returns void language plpgsql as $give$
begin
    execute format($make$
        -- With `again`, what lies below the watermark is entered like anything else: somebody wants it tried again.
        create function %1$I.enter_inbox(of_consumer text, ids uuid[], entered_at timestamptz, again boolean)
            returns table (event_id uuid, type text, subject text, source text, recorded_at timestamptz, incident_id uuid,
                           cause uuid, traceparent text, data text, is_fresh boolean, is_replayed boolean)
            language plpgsql
            set enable_seqscan = off
            set plan_cache_mode = force_generic_plan
        as $body$
        #variable_conflict use_column
        begin return query
            with known as (
                select e.*, not again and e.tx < coalesce(
                           (select w.tx from %1$I.watermark w where w.consumer = of_consumer), 0) as is_settled
                  from journal.entry e where e.event_id = any(ids)),
            entered as (
                insert into %1$I.inbox (consumer, event_id, at)
                select of_consumer, event_id, entered_at from known where not is_settled
                on conflict do nothing returning event_id)
            select k.event_id, k.type, k.subject, k.source, k.recorded_at, k.incident_id, k.cause, k.traceparent,
                   k.data::text, n.event_id is not null,
                   case when k.is_settled
                        then not exists (select from %1$I.inbox i
                                          where i.consumer = of_consumer and i.event_id = k.event_id)
                        else false end
              from known k left join entered n on n.event_id = k.event_id;
        end $body$
    $make$, service);
end $give$;
revoke execute on function journal.give_inbox from public;
