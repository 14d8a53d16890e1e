/** The outbox seen from outside: real SMTP and SMPP clients in, JSON out. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createRequire } from 'node:module';
import smpp from 'smpp';
import { startOutbox } from '../lib/outbox.js';
import { Store } from '../lib/store.js';

// nodemailer comes with mailparser and is the natural client for a test
const nodemailer = createRequire(import.meta.url)('nodemailer');

let outbox;
let api;
let mailer;

before(async () => {
  outbox = await startOutbox({ smtpPort: 0, smppPort: 0, httpPort: 0, receiptDelayMs: 1 });
  api = `http://127.0.0.1:${outbox.ports.http}`;
  mailer = nodemailer.createTransport({ host: '127.0.0.1', port: outbox.ports.smtp, pool: true });
});
after(() => {
  mailer.close();
  outbox.close();
});
beforeEach(async () => {
  await fetch(`${api}/messages`, { method: 'DELETE' });
  await fetch(`${api}/behaviour`, { method: 'DELETE' });
});

const list = async (query = '') => (await fetch(`${api}/messages${query}`)).json();
const behave = (rules) => fetch(`${api}/behaviour`, { method: 'PUT', body: JSON.stringify(rules) });

function connect(password = 'secret') {
  return new Promise((resolve, reject) => {
    const session = smpp.connect({ url: `smpp://127.0.0.1:${outbox.ports.smpp}` }, () => {
      session.bind_transceiver({ system_id: 'vigie', password, interface_version: 0x34 }, (reply) =>
        reply.command_status === 0 ? resolve(session) : reject(Object.assign(new Error('bind refused'), { status: reply.command_status })),
      );
    });
    session.on('error', reject);
  });
}
const submit = (session, pdu) => new Promise((resolve) => session.submit_sm({ registered_delivery: 1, source_addr: 'VIGIE', dest_addr_ton: 1, ...pdu }, resolve));
const receipt = (session) => new Promise((resolve) => session.once('deliver_sm', (pdu) => {
  session.send(pdu.response());
  resolve(pdu);
}));

test('a mail to two recipients is listed once for each, with its links once', async () => {
  await mailer.sendMail({
    from: 'Vigie <vigie@example.org>', to: ['a@example.org', 'b@example.org'], subject: 'Alerte : collège',
    messageId: '<1@vigie>', text: 'Voir https://vigie.example/a/1. Merci', html: '<a href="https://vigie.example/a/1">Voir</a> <a href="https://vigie.example/b?x=1&amp;y=2">b</a>',
  });
  const messages = await list();
  assert.deepEqual(messages.map((message) => message.to), ['a@example.org', 'b@example.org']);
  const [{ seq, received_at, html, ...first }] = messages;
  assert.deepEqual(first, {
    channel: 'email', to: 'a@example.org', from: 'vigie@example.org', subject: 'Alerte : collège', text: 'Voir https://vigie.example/a/1. Merci',
    links: ['https://vigie.example/a/1', 'https://vigie.example/b?x=1&y=2'], message_id: '<1@vigie>',
  });
  assert.match(received_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.match(html, /Voir/);
  assert.deepEqual((await list(`?since=${seq}`)).map((message) => message.to), ['b@example.org']);
  assert.equal((await list('?to=B@example.org')).length, 1);
  assert.equal((await list('?channel=sms')).length, 0);
});

test('a refused address gets 550, a deferred one 451, and neither is listed', async () => {
  await behave({ email: { '*@closed.example': 'refuse', 'busy@example.org': 'defer' } });
  const send = (to) => mailer.sendMail({ from: 'v@example.org', to, text: 'x' });
  await assert.rejects(send('someone@closed.example'), { responseCode: 550 });
  await assert.rejects(send('busy@example.org'), { responseCode: 451 });
  await send('open@example.org');
  assert.deepEqual((await list()).map((message) => message.to), ['open@example.org']);
});

test('a hanging address leaves the client to give up by itself', async () => {
  await behave({ email: { 'slow@example.org': 'hang' } });
  const impatient = nodemailer.createTransport({ host: '127.0.0.1', port: outbox.ports.smtp, socketTimeout: 100 });
  await assert.rejects(impatient.sendMail({ from: 'v@example.org', to: 'slow@example.org', text: 'x' }), { code: 'ETIMEDOUT' });
  assert.deepEqual(await list(), []);
});

test('an unknown reaction is refused and changes nothing', async () => {
  await behave({ sms: { '+33639980001': 'throttle' } });
  const answer = await behave({ sms: { '+33639980001': 'explode' } });
  assert.equal(answer.status, 422);
  assert.match((await answer.json()).error, /explode/);
  assert.deepEqual((await (await fetch(`${api}/behaviour`)).json()).sms, { '+33639980001': 'throttle' });
});

test('a short message is listed with its number and a receipt says it was delivered', async () => {
  const session = await connect();
  const returned = receipt(session);
  const reply = await submit(session, { destination_addr: '33639980001', short_message: 'VIGIE alerte rixe 19e https://vigie.example/r/1' });
  const pdu = await returned;
  assert.equal(pdu.receipted_message_id, reply.message_id);
  assert.match(pdu.short_message.message, new RegExp(`^id:${reply.message_id} .*stat:DELIVRD err:000`));
  const [message] = await list();
  assert.equal(message.to, '+33639980001');
  assert.equal(message.message_id, reply.message_id);
  assert.deepEqual(message.links, ['https://vigie.example/r/1']);
  session.destroy();
});

test('the parts of a long message are joined whatever their order', async () => {
  const session = await connect();
  const parts = ['Première partie, ', 'œuvre, ', 'fin 👍'];
  for (const number of [3, 1, 2]) {
    await submit(session, {
      destination_addr: '33639980002', data_coding: 8, registered_delivery: 0,
      short_message: { udh: Buffer.from([5, 0, 3, 77, parts.length, number]), message: parts[number - 1] },
    });
  }
  const messages = await list('?to=%2B33639980002');
  assert.deepEqual(messages.map((message) => [message.text, message.parts]), [[parts.join(''), 3]]);
  session.destroy();
});

test('numbers can be throttled, refused, undelivered or left without receipt', async () => {
  await behave({ sms: { '+33639980003': 'throttle', '+33639980004': 'refuse', '+33639980005': 'undelivered', '+33639980006': 'no-receipt' } });
  const session = await connect();
  const send = (destination_addr) => submit(session, { destination_addr, short_message: 'x' });
  assert.equal((await send('33639980003')).command_status, smpp.ESME_RTHROTTLED);
  assert.equal((await send('33639980004')).command_status, smpp.ESME_RINVDSTADR);
  const returned = receipt(session);
  assert.equal((await send('33639980006')).command_status, 0);
  const undelivered = await send('33639980005');
  const pdu = await returned; // the first receipt is not that of the number without receipts
  assert.equal(pdu.receipted_message_id, undelivered.message_id);
  assert.match(pdu.short_message.message, /stat:UNDELIV/);
  assert.deepEqual((await list()).map((message) => message.to), ['+33639980006', '+33639980005']);
  session.destroy();
});

test('a wrong password is refused at the bind', async () => {
  await assert.rejects(connect('guess'), { status: smpp.ESME_RINVPASWD });
});

test('the store drops the oldest beyond its limits', () => {
  const store = new Store({ maxMessages: 2, maxBytes: 100 });
  for (const to of ['a', 'b', 'c']) store.add({ channel: 'sms', to, size: 10 });
  assert.deepEqual(store.list().map((message) => message.to), ['b', 'c']);
  store.add({ channel: 'sms', to: 'd', size: 95 });
  assert.deepEqual(store.list().map((message) => message.to), ['d']);
});
