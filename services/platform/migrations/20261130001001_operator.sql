-- Whoever runs the machine reads what happened. Nothing here holds an address, a secret or what people wrote.
grant select on journal.entry, journal.pending, journal.dead_letter, journal.revival to vigie_operator;
