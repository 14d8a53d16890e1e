-- Who may append which facts, each service in a migration of its own: it says what it decides, nothing in another's name.
-- What a compromised login could otherwise journal (an act by the porter, an alert by the edge) would be as good as true to
-- whoever reads it.
alter table journal.entry enable row level security;

create policy readers on journal.entry for select to public using (true);

create policy porter on journal.entry for insert to vigie_porter with check (type = 'vigie.security.noted.v1');
