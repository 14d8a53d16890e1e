-- Whoever runs the machine reads what was sent; no delivery holds an address or a text.
grant select on notification.inbox, notification.watermark, notification.delivery to vigie_operator;
