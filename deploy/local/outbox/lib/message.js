/** A kept message as the list shows it; mails are parsed here, when someone first asks. */
import { simpleParser } from 'mailparser';

const PARSE_OPTIONS = { skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true, skipImageLinks: true };

/** `{seq, channel, to, from, subject, text, html, links, received_at, message_id}`; subject and html are null for an SMS. */
export async function describe(message) {
  const received_at = new Date(message.receivedAt).toISOString();
  const { seq, channel, to } = message;
  if (channel === 'sms') {
    const { from, text, messageIds, outcome } = message;
    return { seq, channel, to, from, subject: null, text, html: null, links: linksIn(text), received_at, message_id: messageIds[0], parts: messageIds.length, outcome };
  }
  const mail = await parse(message.mail);
  return { seq, channel, to, from: mail.from || message.from, subject: mail.subject, text: mail.text, html: mail.html, links: mail.links, received_at, message_id: mail.messageId };
}

async function parse(mail) {
  if (mail.parsed) return mail.parsed;
  const read = await simpleParser(mail.raw, PARSE_OPTIONS);
  const text = read.text ?? null;
  const html = read.html || null;
  mail.parsed = {
    from: read.from?.value?.[0]?.address ?? '',
    subject: read.subject ?? null,
    text,
    html,
    links: linksIn(text ?? '', html ?? ''),
    messageId: read.messageId ?? null,
  };
  return mail.parsed;
}

/** The http(s) addresses in a text and an HTML, each once, in order of appearance. */
export function linksIn(text, html = '') {
  const inText = text.match(/https?:\/\/[^\s<>"']+/g) ?? [];
  const inHtml = [...html.matchAll(/(?:href|src)\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)].map((hit) => unescapeHtml(hit[1] ?? hit[2]));
  const links = [...inText.map(withoutTrailingPunctuation), ...inHtml.filter((link) => /^https?:\/\//i.test(link))];
  return [...new Set(links)];
}

function withoutTrailingPunctuation(link) {
  return link.replace(/[.,;:!?)\]}»]+$/, '');
}

function unescapeHtml(text) {
  return text.replace(/&#(x[0-9a-f]+|\d+);/gi, (_, code) => String.fromCodePoint(/^x/i.test(code) ? parseInt(code.slice(1), 16) : Number(code)))
    .replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
}
