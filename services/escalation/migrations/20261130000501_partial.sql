-- Circuits in which some have taken charge and not yet enough: « 1 sur 2 ». Boards read it without reading the whole plan.
alter table escalation.plan
    -- A list of {circuit, have, need, awaited}; null when there is none, and in rows older than this column.
    add column partial jsonb;
