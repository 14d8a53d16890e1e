-- What this service appends to the journal, and nothing in another's name.
create policy directory on journal.entry for insert to vigie_directory with check (
    type in ('vigie.directory.changed.v1', 'vigie.doctrine.activated.v1', 'vigie.configuration.proposed.v1',
             'vigie.configuration.decided.v1', 'vigie.duty.handed-over.v1', 'vigie.probe.issued.v1',
             'vigie.probe.answered.v1', 'vigie.security.noted.v1'));
