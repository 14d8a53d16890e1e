-- Which debt an alert reminds of; none in rows older than this column.
alter table escalation.alert add column owed text;
