-- What is due next, and whom it will tell: boards read it without reading the whole plan.

alter table escalation.plan
    -- `circuit/step`; null when nothing is due, or when it is asked whether a body is still in charge.
    add column next_step  text,
    -- Roles it will tell; empty in rows older than this column, until they change.
    add column next_roles text[] not null default '{}';
