-- Whoever administers asks for dead letters to be tried again.
grant insert on journal.revival to vigie_directory;
grant usage on sequence journal.revival_id_seq to vigie_directory;
