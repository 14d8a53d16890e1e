-- Whoever runs the machine reads what is due and who was told.
grant select on escalation.inbox, escalation.watermark, escalation.plan, escalation.told, escalation.alert to vigie_operator;
