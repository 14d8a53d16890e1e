-- Whoever runs the machine reads the state of crises, not the words.
grant select on crisis.inbox, crisis.watermark, crisis.crisis, crisis.incident, crisis.fact, crisis.played, crisis.ask
    to vigie_operator;
grant select (crisis_id, about, body, at) on crisis.words to vigie_operator;
