-- What this service appends to the journal, and nothing in another's name.
create policy intake on journal.entry for insert to vigie_intake with check (
    type = 'vigie.signal.raised.v1'
    -- Whoever raised a signal says that it is over: a report, which closes nothing.
    or (type = 'vigie.act.recorded.v1' and data -> 'act' ->> 'did' = 'say-over'));
