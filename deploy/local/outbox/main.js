#!/usr/bin/env node
/** Starts the outbox, says so in one line of JSON, and stops on SIGTERM or Ctrl-C. */
import { parseArgs } from 'node:util';
import { DEFAULTS, startOutbox } from './lib/outbox.js';

const HELP = `Catches every e-mail and SMS of a local Vigie; nothing leaves this machine.

usage: node main.js [--smtp-port N] [--smpp-port N] [--http-port N] [--host ADDRESS]
       [--system-id NAME] [--password WORD] [--receipt-delay-ms N]

Port 0 takes a free one. When all three servers listen, one line of JSON is printed:
  {"ready":true,"smtp":12525,"smpp":12775,"http":18025}

over HTTP:
  curl localhost:18025/messages                        everything that left, oldest first
  curl 'localhost:18025/messages?channel=sms&since=12' SMS after the message whose seq is 12
  curl 'localhost:18025/messages?to=a@example.org'     what one address got
  curl -X DELETE localhost:18025/messages              forget it
  curl -X PUT localhost:18025/behaviour -d '{"email": {"*@closed.example": "refuse"}, "sms": {"+33639980001": "undelivered"}}'
      email: refuse, defer, hang; sms: refuse, throttle, undelivered, no-receipt; DELETE /behaviour forgets the rules
`;

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: DEFAULTS.host },
    'smtp-port': { type: 'string', default: String(DEFAULTS.smtpPort) },
    'smpp-port': { type: 'string', default: String(DEFAULTS.smppPort) },
    'http-port': { type: 'string', default: String(DEFAULTS.httpPort) },
    'system-id': { type: 'string', default: DEFAULTS.systemId },
    password: { type: 'string', default: DEFAULTS.password },
    'receipt-delay-ms': { type: 'string', default: '20' },
    help: { type: 'boolean', short: 'h' },
  },
});

if (values.help) {
  process.stdout.write(HELP);
} else {
  const outbox = await startOutbox({
    host: values.host,
    smtpPort: Number(values['smtp-port']),
    smppPort: Number(values['smpp-port']),
    httpPort: Number(values['http-port']),
    systemId: values['system-id'],
    password: values.password,
    receiptDelayMs: Number(values['receipt-delay-ms']),
  });
  console.log(JSON.stringify({ ready: true, ...outbox.ports }));
  const stop = () => {
    outbox.close();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
