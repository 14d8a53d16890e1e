/** Delivery receipts on their way back; they wait here while no client that can receive is bound. */

const MAX_WAITING = 100_000;
const DELIVERED = { stat: 'DELIVRD', state: 2, err: '000', count: '001' };
const UNDELIVERED = { stat: 'UNDELIV', state: 5, err: '013', count: '000' };

export class Receipts {
  constructor(delayMs) {
    this.delayMs = delayMs;
    this.sessions = new Set();
    this.waiting = [];
  }

  add(session) {
    this.sessions.add(session);
    for (const receipt of this.waiting.splice(0)) this.deliver(receipt);
  }

  remove(session) {
    this.sessions.delete(session);
  }

  /** Sends the receipt of one submit_sm after the delay a network would take. */
  schedule({ pdu, messageId, delivered }) {
    const receipt = receiptFor(pdu, messageId, delivered ? DELIVERED : UNDELIVERED, new Date());
    setTimeout(() => this.deliver(receipt), this.delayMs).unref();
  }

  deliver(receipt) {
    const session = [...this.sessions].at(-1);
    if (session?.deliver_sm({ ...receipt })) return;
    this.waiting.push(receipt);
    if (this.waiting.length > MAX_WAITING) this.waiting.shift();
  }
}

/** The SMPP 3.4 appendix B text, with the same facts as parameters for clients that read those. */
function receiptFor(pdu, messageId, result, now) {
  const at = now.toISOString().replace(/\D/g, '').slice(2, 12);
  return {
    source_addr: pdu.destination_addr,
    source_addr_ton: pdu.dest_addr_ton,
    source_addr_npi: pdu.dest_addr_npi,
    destination_addr: pdu.source_addr,
    dest_addr_ton: pdu.source_addr_ton,
    dest_addr_npi: pdu.source_addr_npi,
    esm_class: 4, // this deliver_sm carries a receipt
    short_message: `id:${messageId} sub:001 dlvrd:${result.count} submit date:${at} done date:${at} stat:${result.stat} err:${result.err} text:`,
    receipted_message_id: messageId,
    message_state: result.state,
  };
}
