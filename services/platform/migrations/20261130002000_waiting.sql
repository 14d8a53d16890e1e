-- Dead letters that only waited too long for something: they come back when it comes.
alter table journal.dead_letter add column waits boolean not null default false;
-- Whoever applies what they waited for asks, in its own name.
grant insert on journal.revival to vigie_service;
grant usage on sequence journal.revival_id_seq to vigie_service;
