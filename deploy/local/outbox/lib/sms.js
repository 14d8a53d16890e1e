/** The message centre: a real SMPP 3.4 server that puts long messages together again and returns delivery receipts. */
import smpp from 'smpp';
import { Receipts } from './receipts.js';

const MAX_OPEN_PARTS = 10_000;

/** @param {{systemId: string, password: string, receiptDelayMs?: number}} account */
export function smsServer(store, behaviour, account) {
  const centre = new MessageCentre(store, behaviour, account);
  const server = smpp.createServer({}, (session) => centre.attend(session));
  server.on('error', (error) => console.error(`sms: ${error.message}`));
  return server;
}

class MessageCentre {
  constructor(store, behaviour, account) {
    this.store = store;
    this.behaviour = behaviour;
    this.account = account;
    this.receipts = new Receipts(account.receiptDelayMs ?? 20);
    this.openParts = new Map(); // long messages some of whose parts are still to come
    this.nextId = 0;
    this.run = Date.now().toString(36); // so that ids differ from those of an earlier run
  }

  attend(session) {
    session.socket.setNoDelay(true);
    session.on('error', () => session.destroy());
    session.on('close', () => this.receipts.remove(session));
    for (const mode of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
      session.on(mode, (pdu) => this.bind(session, pdu, mode !== 'bind_transmitter'));
    }
    session.on('submit_sm', (pdu) => this.submit(session, pdu));
    session.on('enquire_link', (pdu) => session.send(pdu.response()));
    session.on('unbind', (pdu) => {
      session.send(pdu.response());
      session.close();
    });
  }

  bind(session, pdu, receives) {
    if (pdu.system_id !== this.account.systemId || pdu.password !== this.account.password) {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return session.close();
    }
    session.bound = true;
    session.send(pdu.response({ system_id: 'OUTBOX', sc_interface_version: 0x34 }));
    if (receives) this.receipts.add(session);
  }

  submit(session, pdu) {
    const to = international(pdu.destination_addr, pdu.dest_addr_ton);
    const reaction = this.behaviour.of('sms', to);
    const refusal = session.bound ? { refuse: smpp.ESME_RINVDSTADR, throttle: smpp.ESME_RTHROTTLED }[reaction] : smpp.ESME_RINVBNDSTS;
    if (refusal) return session.send(pdu.response({ command_status: refusal }));

    const messageId = `${this.run}-${++this.nextId}`;
    session.send(pdu.response({ message_id: messageId }));
    const outcome = reaction === 'undelivered' ? 'undelivered' : 'delivered';
    this.keep(pdu, to, messageId, outcome);
    // bits 0-1 of registered_delivery: 1 = always, 2 = on failure only
    const asked = pdu.registered_delivery & 0x03;
    const wanted = asked === 1 || (asked === 2 && outcome === 'undelivered');
    if (wanted && reaction !== 'no-receipt') this.receipts.schedule({ pdu, messageId, delivered: outcome === 'delivered' });
  }

  keep(pdu, to, messageId, outcome) {
    const content = pdu.message_payload ?? pdu.short_message;
    const text = typeof content?.message === 'string' ? content.message : (content?.message ?? Buffer.alloc(0)).toString('latin1');
    const part = partOf(pdu);
    const whole = part ? this.join(pdu, to, part, text, messageId) : { text, messageIds: [messageId] };
    if (!whole) return;
    this.store.add({
      channel: 'sms',
      to,
      from: pdu.source_addr,
      text: whole.text,
      messageIds: whole.messageIds,
      outcome,
      receivedAt: Date.now(),
      size: whole.text.length * 2,
    });
  }

  /** Adds a part; returns the whole message when it was the last one missing. */
  join(pdu, to, part, text, messageId) {
    const key = [pdu.source_addr, to, part.reference, part.total].join(' ');
    const parts = this.openParts.get(key) ?? new Map();
    parts.set(part.number, { text, messageId });
    if (parts.size < part.total) {
      this.openParts.set(key, parts);
      if (this.openParts.size > MAX_OPEN_PARTS) this.openParts.delete(this.openParts.keys().next().value);
      return null;
    }
    this.openParts.delete(key);
    const inOrder = [...parts.entries()].sort(([a], [b]) => a - b).map(([, piece]) => piece);
    return { text: inOrder.map((piece) => piece.text).join(''), messageIds: inOrder.map((piece) => piece.messageId) };
  }
}

/** Type of number 1 is international: the plus sign is then understood, not sent. */
function international(address, typeOfNumber) {
  return typeOfNumber === 1 && !address.startsWith('+') ? `+${address}` : address;
}

/** Which part of a long message this is (user data header or SAR parameters); null for a message of one part. */
function partOf(pdu) {
  for (const header of pdu.short_message?.udh ?? []) {
    if (header[0] === 0x00 && header.length >= 5) return { reference: header[2], total: header[3], number: header[4] };
    if (header[0] === 0x08 && header.length >= 6) return { reference: header.readUInt16BE(2), total: header[4], number: header[5] };
  }
  if (pdu.sar_total_segments > 1) {
    return { reference: pdu.sar_msg_ref_num, total: pdu.sar_total_segments, number: pdu.sar_segment_seqnum };
  }
  return null;
}
