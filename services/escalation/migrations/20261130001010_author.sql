-- What this service appends to the journal, and nothing in another's name.
create policy escalation on journal.entry for insert to vigie_escalation with check (
    type in ('vigie.alert.issued.v1', 'vigie.escalation.step-settled.v1', 'vigie.escalation.charge-lapsed.v1'));
