-- Ranges of the event's identifier, as the journal's.
select journal.divide('routing.inbox');
