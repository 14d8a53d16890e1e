-- A delivery carries a letter: an alert, as before, or a probe of a contact point.
--
-- Only widened, so that processes of before go on sending alerts until they are replaced: their rows are `alert` by
-- default, and every column they write is still there.

alter table notification.delivery
    add column letter   text not null default 'alert' check (letter in ('alert', 'probe')),
    -- The probe as it was issued: all that rendering needs, without an address. Null for an alert.
    add column probe_id uuid,
    add column probe    jsonb,
    -- Of alerts only.
    alter column alert_id    drop not null,
    alter column incident_id drop not null,
    alter column alert       drop not null,
    add constraint delivery_letter check (
        case letter
            when 'alert' then num_nonnulls(alert_id, incident_id, alert) = 3 and num_nonnulls(probe_id, probe) = 0
            else num_nonnulls(alert_id, incident_id, alert) = 0 and num_nonnulls(probe_id, probe) = 2
        end);

-- A probe tries one contact by one channel, once. Partial: an alert pays nothing for it.
create unique index delivery_probe_once on notification.delivery (probe_id) where probe_id is not null;

-- By kind of letter first: what is due among the alerts is found at once, however many probes wait.
create index delivery_due on notification.delivery (letter, channel, wake_at) where wake_at is not null;
drop index notification.delivery_wake;
