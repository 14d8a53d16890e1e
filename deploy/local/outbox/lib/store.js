/** What left: a ring of messages, bounded in number and in bytes, oldest dropped first. */

export class Store {
  /** @param {{maxMessages?: number, maxBytes?: number}} limits */
  constructor({ maxMessages = 200_000, maxBytes = 1_000_000_000 } = {}) {
    this.maxMessages = maxMessages;
    this.maxBytes = maxBytes;
    this.lastSeq = 0;
    this.clear();
  }

  clear() {
    this.slots = new Map(); // seq -> message; a Map keeps the order of insertion
    this.bytes = 0;
  }

  /** Keeps one message; `message.size` is what it weighs. Returns its sequence number, never used twice. */
  add(message) {
    message.seq = ++this.lastSeq;
    this.slots.set(message.seq, message);
    this.bytes += message.size;
    while (this.slots.size > this.maxMessages || (this.bytes > this.maxBytes && this.slots.size > 1)) this.dropOldest();
    return message.seq;
  }

  dropOldest() {
    const [seq, message] = this.slots.entries().next().value;
    this.slots.delete(seq);
    this.bytes -= message.size;
  }

  get(seq) {
    return this.slots.get(seq);
  }

  get size() {
    return this.slots.size;
  }

  /** Messages oldest first, of one channel, to one address, later than `since` (a sequence number); each filter is optional. */
  list({ channel, to, since = 0 } = {}) {
    const wanted = to?.toLowerCase();
    const found = [];
    for (const message of this.slots.values()) {
      if (message.seq <= since) continue;
      if (channel && message.channel !== channel) continue;
      if (wanted && message.to.toLowerCase() !== wanted) continue;
      found.push(message);
    }
    return found;
  }
}
