-- Whoever runs the machine reads what became of incidents.
grant select on routing.inbox, routing.watermark, routing.incident, routing.incident_signal, routing.acknowledgement,
    routing.owed, routing.trace to vigie_operator;
