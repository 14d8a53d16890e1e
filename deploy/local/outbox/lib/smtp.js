/** The mail catcher: a real SMTP server that keeps every message raw, one entry per recipient, and relays nothing. */
import { SMTPServer } from 'smtp-server';

const MAX_MESSAGE_BYTES = 10_000_000;

/** @param {import('./store.js').Store} store @param {import('./behaviour.js').Behaviour} behaviour */
export function smtpServer(store, behaviour) {
  return new SMTPServer({
    banner: 'Vigie outbox: nothing leaves this machine',
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true, // a name look-up per connection costs more than the mail
    authOptional: true,
    allowInsecureAuth: true,
    size: MAX_MESSAGE_BYTES,
    logger: false,
    onAuth: (auth, session, done) => done(null, { user: auth.username }),
    onRcptTo: (address, session, done) => admit(behaviour.of('email', address.address), address.address, done),
    onData: (stream, session, done) => keep(store, stream, session, done),
  });
}

function admit(reaction, address, done) {
  if (reaction === 'hang') return; // never answers: the client has to give up by itself
  if (reaction === 'refuse') return done(reply(550, `5.1.1 <${address}>: mailbox unavailable (asked for by a test)`));
  if (reaction === 'defer') return done(reply(451, `4.7.1 <${address}>: try again later (asked for by a test)`));
  done();
}

function reply(responseCode, message) {
  return Object.assign(new Error(message), { responseCode });
}

function keep(store, stream, session, done) {
  const chunks = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('error', done);
  stream.on('end', () => {
    if (stream.sizeExceeded) return done(reply(552, '5.3.4 message too big'));
    const raw = Buffer.concat(chunks);
    const { mailFrom, rcptTo } = session.envelope;
    const mail = { raw, parsed: null }; // shared by the recipients, so it is parsed once, and only if someone looks
    const receivedAt = Date.now();
    for (const { address } of rcptTo) {
      store.add({ channel: 'email', to: address, from: mailFrom?.address ?? '', mail, receivedAt, size: raw.length });
    }
    done(null, '2.0.0 kept');
  });
}
