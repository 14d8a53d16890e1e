-- What the journal holds of these events, whatever order: consumers ask for each message that wakes them.
--
-- A function, so that its plan is an index's from the first day on: one made while the table is small would read all of it,
-- and be kept while it grows.
create function journal.entries(ids uuid[]) returns setof journal.entry
    language plpgsql stable parallel safe
    set enable_seqscan = off
    as $$ begin return query select e.* from journal.entry e where e.event_id = any(ids); end $$;
