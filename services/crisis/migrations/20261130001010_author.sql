-- What this service appends to the journal, and nothing in another's name.
-- A crisis asks people by alerts, has acts applied to its incidents, and in an exercise raises signals.
create policy crisis on journal.entry for insert to vigie_crisis with check (
    type like 'vigie.crisis.%'
    or type in ('vigie.alert.issued.v1', 'vigie.act.recorded.v1', 'vigie.signal.raised.v1'));
