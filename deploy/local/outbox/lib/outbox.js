/** The three servers over one store, started and stopped together. */
import { once } from 'node:events';
import { Behaviour } from './behaviour.js';
import { httpServer } from './http.js';
import { smsServer } from './sms.js';
import { smtpServer } from './smtp.js';
import { Store } from './store.js';

export const DEFAULTS = { host: '127.0.0.1', smtpPort: 12525, smppPort: 12775, httpPort: 18025, systemId: 'vigie', password: 'secret' };

/** Starts the outbox; port 0 takes a free one. Resolves to `{ports: {smtp, smpp, http}, store, close()}` when all three listen. */
export async function startOutbox(options = {}) {
  const { host, smtpPort, smppPort, httpPort, ...account } = { ...DEFAULTS, ...options };
  const store = new Store();
  const behaviour = new Behaviour();
  const smtp = smtpServer(store, behaviour);
  const sms = smsServer(store, behaviour, account);
  const http = httpServer(store, behaviour);
  smtp.on('error', (error) => {
    if (smtp.server.listening) console.error(`smtp: ${error.message}`); // a client that hung up is no reason to stop
  });
  const ports = {
    smtp: await listen(smtp.server, host, smtpPort),
    smpp: await listen(sms, host, smppPort),
    http: await listen(http, host, httpPort),
  };
  return {
    ports,
    store,
    close() {
      for (const session of [...sms.sessions]) session.destroy();
      sms.close();
      http.close();
      http.closeAllConnections();
      for (const connection of [...smtp.connections]) connection.close();
      smtp.close();
    },
  };
}

async function listen(server, host, port) {
  server.listen(port, host);
  await once(server, 'listening'); // rejects with the error if the port is taken
  return server.address().port;
}
