-- What was sent to whom, by which channel, and what became of it.

create table notification.inbox (
    consumer text not null,
    event_id uuid not null,
    at       timestamptz not null,
    primary key (consumer, event_id)
);

create table notification.watermark (
    consumer text primary key,
    tx       bigint not null
);

create table notification.delivery (
    id            uuid primary key,
    alert_id      uuid not null,
    incident_id   uuid not null,
    channel       text not null check (channel in ('email', 'sms', 'screen')),
    contact       text not null,
    -- due: to be tried at wake_at. sending: claimed, until wake_at. sent: the next system took it; when a receipt is
    -- owed, it is given up at wake_at. delivered, failed, cancelled: nothing more to do.
    state         text not null check (state in ('due', 'sending', 'sent', 'delivered', 'failed', 'cancelled')),
    -- Attempts begun. Also the claim's number: a result is recorded only for the attempt that is current.
    attempt       integer not null,
    -- When somebody must look at it again; null when nobody must.
    wake_at       timestamptz,
    -- Number of the process that claimed it last; see the advisory locks of `claimant`.
    owner         integer not null,
    -- The alert as it was issued: all that rendering needs. It holds no address and no free text.
    alert         jsonb not null,
    -- Contacts of other channels still to be tried, in order.
    fallback      jsonb not null,
    -- Why it was given up, as in delivery.failed.
    failure       text,
    -- Ids the gateway gave to each part, and those of them a receipt came for.
    provider_ids  text[] not null default '{}',
    delivered_ids text[] not null default '{}',
    cause         uuid,
    traceparent   text,
    created_at    timestamptz not null,
    changed_at    timestamptz not null,
    -- One message per recipient and channel of an alert, whatever happens.
    constraint delivery_once unique (alert_id, channel, contact)
);
create index delivery_wake on notification.delivery (channel, wake_at) where wake_at is not null;
create index delivery_incident on notification.delivery (incident_id);
create index delivery_provider on notification.delivery using gin (provider_ids) where provider_ids <> '{}';

grant select, insert, update, delete on notification.inbox, notification.watermark to vigie_notification;
grant select, insert, update on notification.delivery to vigie_notification;
-- The console shows who was told.
grant select on notification.delivery to vigie_service;
