-- Whom each message asked for a resource: who answers by the link it carried, and for which mobilisation.

create table crisis.ask (
    alert_id        uuid primary key,
    crisis_id       uuid not null references crisis.crisis,
    mobilisation_id uuid not null,
    body            text not null,
    role            text not null,
    issued_at       timestamptz not null
);

grant select, insert on crisis.ask to vigie_crisis;
