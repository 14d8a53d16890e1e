-- Written every two seconds, to know that anything can be.
create table journal.pulse (one boolean primary key default true check (one), at timestamptz not null);
insert into journal.pulse (at) values (now());
grant select, update (at) on journal.pulse to vigie_relay;
grant select on journal.pulse to vigie_operator;
