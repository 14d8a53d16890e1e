create index crisis_open on crisis.crisis (opened_at desc) where not closed;
