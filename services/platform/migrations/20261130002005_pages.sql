-- Whom Vigie could not reach lately, for the page of gaps and the operators' relief.
create index entry_unreached on journal.entry (recorded_at) where type = 'vigie.delivery.dead-lettered.v1';
-- A dead letter is looked for among the wishes to try it again.
create index revival_of on journal.revival (consumer, event_id, id desc);
