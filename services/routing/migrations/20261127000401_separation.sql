-- A signal may be taken out of an incident it joined by mistake.
grant update (incident_id, joined_at) on routing.incident_signal to vigie_routing;
