/** The window on the outbox: lists what left, forgets it, and sets how addresses behave. */
import http from 'node:http';
import { once } from 'node:events';
import { describe } from './message.js';
import { page } from './page.js';

const MAX_BODY_BYTES = 1_000_000;
const ON_PAGE = 200;

export function httpServer(store, behaviour) {
  const routes = {
    'GET /': (request, response) => showPage(store, response),
    'GET /healthz': (request, response) => json(response, 200, { status: 'ok', messages: store.size, last_seq: store.lastSeq }),
    'GET /messages': (request, response, url) => listMessages(store, url.searchParams, response),
    'DELETE /messages': (request, response) => {
      store.clear();
      response.writeHead(204).end();
    },
    'GET /behaviour': (request, response) => json(response, 200, behaviour.asked),
    'PUT /behaviour': async (request, response) => {
      try {
        behaviour.replace(JSON.parse(await body(request)));
      } catch (error) {
        return json(response, 422, { error: error.message });
      }
      json(response, 200, behaviour.asked);
    },
    'DELETE /behaviour': (request, response) => {
      behaviour.reset();
      response.writeHead(204).end();
    },
  };
  return http.createServer(async (request, response) => {
    try {
      const url = new URL(request.url, 'http://outbox');
      const route = routes[`${request.method} ${url.pathname}`];
      const html = /^\/html\/(\d+)$/.exec(url.pathname);
      if (route) await route(request, response, url);
      else if (html && request.method === 'GET') await showHtml(store, Number(html[1]), response);
      else json(response, 404, { error: `there is no ${request.method} ${url.pathname}`, routes: Object.keys(routes) });
    } catch (error) {
      console.error(`http: ${error.stack}`);
      if (!response.headersSent) json(response, 500, { error: error.message });
      else response.destroy();
    }
  });
}

function json(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(`${JSON.stringify(value)}\n`);
}

/** Writes the array piece by piece: 200,000 messages need not stand in memory a second time. */
async function listMessages(store, query, response) {
  const since = Number(query.get('since') ?? 0);
  const channel = query.get('channel') ?? undefined;
  if (!Number.isInteger(since) || since < 0) return json(response, 422, { error: 'since is the seq of the last message already seen' });
  if (channel && !['email', 'sms'].includes(channel)) return json(response, 422, { error: 'channel is email or sms' });
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
  let before = '[';
  for (const message of store.list({ channel, since, to: query.get('to') ?? undefined })) {
    const more = response.write(before + JSON.stringify(await describe(message)));
    before = ',\n';
    if (response.destroyed) return;
    if (!more) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end(before === '[' ? '[]\n' : ']\n');
}

async function showPage(store, response) {
  const latest = await Promise.all(store.list().slice(-ON_PAGE).reverse().map(describe));
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" });
  response.end(page(latest, store.size));
}

/** A mail's own HTML, as a reader would see it, in a sandbox. */
async function showHtml(store, seq, response) {
  const message = store.get(seq);
  const html = message && (await describe(message)).html;
  if (!html) return json(response, 404, { error: `message ${seq} is not here or has no HTML` });
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:" });
  response.end(html);
}

async function body(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('body too big');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
