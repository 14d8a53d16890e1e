-- What this service appends to the journal, and nothing in another's name.
create policy console on journal.entry for insert to vigie_console with check (
    type in ('vigie.act.recorded.v1', 'vigie.words.read.v1', 'vigie.indicator.counted.v1'));
