-- What this service appends to the journal, and nothing in another's name.
create policy notification on journal.entry for insert to vigie_notification with check (
    type like 'vigie.delivery.%' or type = 'vigie.probe.settled.v1');
