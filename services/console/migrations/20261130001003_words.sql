-- The console shows a signal's text to those who may read it.
grant select on intake.signal to vigie_console;

-- The words of an act are the console's alone.
grant select (id, incident_id, body, role, through, did, at) on console.act to vigie_operator;
grant select on console.count to vigie_operator;
