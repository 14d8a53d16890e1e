/** How the outbox treats an address when a test asks for trouble; without a rule everything is accepted. */

const KNOWN = {
  email: ['refuse', 'defer', 'hang'],
  sms: ['refuse', 'throttle', 'undelivered', 'no-receipt'],
};

export class Behaviour {
  constructor() {
    this.reset();
  }

  reset() {
    this.asked = { email: {}, sms: {} };
    this.patterns = { email: [], sms: [] };
  }

  /** Replaces all rules. Throws an Error that names the first rule it does not understand, and then changes nothing. */
  replace(asked) {
    if (asked === null || typeof asked !== 'object' || Array.isArray(asked)) throw new Error('expected an object {"email": {…}, "sms": {…}}');
    const patterns = { email: [], sms: [] };
    for (const [channel, rules] of Object.entries(asked)) {
      if (!KNOWN[channel]) throw new Error(`unknown channel "${channel}": use email or sms`);
      for (const [address, reaction] of Object.entries(rules)) {
        if (!KNOWN[channel].includes(reaction)) {
          throw new Error(`unknown reaction "${reaction}" for ${address}: use ${KNOWN[channel].join(', ')}`);
        }
        patterns[channel].push([toRegExp(address), reaction]);
      }
    }
    this.asked = { email: asked.email ?? {}, sms: asked.sms ?? {} };
    this.patterns = patterns;
  }

  /** The reaction to an address, or "accept". The first matching rule wins. */
  of(channel, address) {
    const rule = this.patterns[channel].find(([pattern]) => pattern.test(address));
    return rule ? rule[1] : 'accept';
  }
}

/** An address where `*` stands for anything: `*@example.org`, `+3363998*`. */
function toRegExp(address) {
  const escaped = address.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 'i');
}
