/** The page for people: the latest messages, newest first, without scripts. */

export function page(messages, total) {
  const items = messages.map(item).join('\n');
  return `<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Vigie : ce qui est parti</title>
<style>body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}article{border-top:1px solid #999;padding:.5rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f4;padding:.5rem}</style>
</head><body><h1>Ce qui est parti</h1>
<p>${total} messages gardés, les ${messages.length} derniers ici, le plus récent d’abord. Rien n’a quitté cette machine. <a href="/messages">JSON</a></p>
${items}
</body></html>
`;
}

function item(message) {
  const html = message.html ? `<a href="/html/${message.seq}">version HTML</a>` : '';
  const links = message.links.map((link) => `<li><a href="${escape(link)}">${escape(link)}</a></li>`).join('');
  return `<article><strong>${message.channel === 'sms' ? 'SMS' : 'Courriel'}</strong> à ${escape(message.to)}, de ${escape(message.from)},
<time>${message.received_at}</time> ${html}<br><b>${escape(message.subject ?? '')}</b><pre>${escape(message.text ?? '')}</pre><ul>${links}</ul></article>`;
}

function escape(text) {
  return String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
