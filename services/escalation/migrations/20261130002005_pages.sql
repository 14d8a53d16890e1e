-- Of whom a body was told, newest first; what figures are counted from, without reading a plan.
create index alert_body on escalation.alert (body, incident_id desc);
alter table escalation.plan
    -- Indicators that the present plan's circuits count for.
    add column counts text[] not null default '{}',
    -- A step after the first was told, in whatever plan.
    add column relaunched boolean not null default false;
update escalation.plan p
   set counts = coalesce((select array_agg(distinct counted)
                            from jsonb_array_elements(p.state -> 'plan' -> 'circuits') circuit,
                                 jsonb_array_elements_text(circuit -> 'counts') counted
                           where jsonb_typeof(circuit -> 'counts') = 'array'), '{}'),
       relaunched = exists (select from journal.entry e
                             where e.incident_id = p.incident_id and e.type = 'vigie.escalation.step-settled.v1'
                               and e.data ->> 'outcome' = 'fired'
                               and (e.data ->> 'due_at')::timestamptz > (p.snapshot ->> 'opened_at')::timestamptz + interval '1 minute');
-- Most plans count for nothing and were never told again: figures do not read them.
create index plan_relaunched on escalation.plan (incident_id) where relaunched;
create index plan_counts on escalation.plan (incident_id) include (counts) where counts <> '{}';
