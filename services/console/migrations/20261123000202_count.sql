-- Numbers kept without content: what the contract counts and Vigie must not know more of.

create table console.count (
    id         uuid primary key,
    indicator  text not null,
    -- Null for the whole city.
    sector     text,
    amount     integer not null check (amount > 0),
    -- Local day it is counted on.
    counted_on date not null,
    body       text not null,
    at         timestamptz not null
);
create index count_period on console.count (indicator, counted_on);

grant select, insert on console.count to vigie_console;
