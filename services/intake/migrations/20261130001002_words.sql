-- What the raiser wrote is read by intake, and by whoever is granted it by name: not by every service.
revoke select on intake.signal from vigie_service;
grant select (id, reference, source_id, source_role, kind, severity, location, occurred_at, expected_at, parties, facts,
              received_at, idempotency_key, fingerprint)
    on intake.signal to vigie_service, vigie_operator;
