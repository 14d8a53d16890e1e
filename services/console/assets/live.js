// The stream of facts, kept open: it goes on after the last fact seen, whatever happened to the connection meanwhile.
//
// `fetch` rather than EventSource: it tells a session that has ended from a server that is gone, and silence from life.

const SILENCE = 15_000; // the server says something every five seconds
const LONGEST_PAUSE = 10_000;

/**
 * Follows the stream at `address` after the event `after` until the session ends.
 * `told(name, data)` hears each fact, `connected()` and `lost()` the state of the connection, `ended()` the end.
 */
export async function follow(after, { told, connected, lost, ended }, address = "/api/v1/events") {
  let last = after;
  for (let failures = 0; ; failures++) {
    try {
      const abort = new AbortController();
      const silent = watch(() => abort.abort(), SILENCE);
      silent.feed();
      const response = await fetch(address, {
        headers: { Accept: "text/event-stream", "Last-Event-ID": last },
        cache: "no-store",
        signal: abort.signal,
      });
      if (response.status === 401 || response.status === 403) return ended();
      if (!response.ok) throw new Error(`status ${response.status}`);
      connected();
      for await (const event of events(response.body, silent)) {
        failures = 0;
        last = event.id || last;
        // What is shown may be of a journal that is no more: the server reads everything again.
        if (event.name === "reload") return location.reload();
        told(event.name, JSON.parse(event.data));
      }
    } catch {
      // Whatever it was, the remedy is the same: try again, and say that what is shown grows old.
    }
    lost();
    const pause = Math.min(LONGEST_PAUSE, 250 * 2 ** Math.min(failures, 6));
    await new Promise((resume) => setTimeout(resume, pause * (0.75 + Math.random() / 2)));
  }
}

/** The server-sent events of a body, one by one. */
async function* events(body, silent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      silent.feed();
      text += value;
      let end;
      while ((end = text.indexOf("\n\n")) >= 0) {
        const event = parse(text.slice(0, end));
        text = text.slice(end + 2);
        if (event.name) yield event;
      }
    }
  } finally {
    silent.stop();
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  const event = { id: "", name: "", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).trimStart();
    if (line.startsWith("id:")) event.id = value;
    else if (line.startsWith("event:")) event.name = value;
    else if (line.startsWith("data:")) event.data += value;
  }
  return event;
}

/** Calls `then` once nothing was fed for so long. */
function watch(then, within) {
  let timer;
  const stop = () => clearTimeout(timer);
  return { stop, feed: () => (stop(), (timer = setTimeout(then, within))) };
}
