-- What this service appends to the journal, and nothing in another's name.
create policy routing on journal.entry for insert to vigie_routing with check (
    type like 'vigie.incident.%' or type = 'vigie.act.rejected.v1');
