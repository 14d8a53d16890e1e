// Keeps what a page says of signals fresh: the page is asked for again, and what stands in `data-fresh` replaced when it
// changed. What changed is said once, from the texts of `data-told`. Without this file there is a link to ask again.
//
// Asked often while something moves, seldom when nothing does, not at all while nobody looks.

const FIRST_PAUSE_MS = 3000;
const LONGEST_PAUSE_MS = 30000;
const SLOWER = 1.2;
const PATIENCE_MS = 15000;

const shown = document.querySelector("#frais");
let pause = FIRST_PAUSE_MS;
let waiting = 0;
/** What the server said last; what stands in the page may have been touched by scripts. */
let last = fresh(document)?.innerHTML;
let asOf = new Date();

function fresh(page) {
  return page.querySelector("[data-fresh]");
}

async function look() {
  clearTimeout(waiting);
  let response;
  try {
    response = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    // The session has ended, or the signal is no longer theirs: the page that says so.
    if ([401, 403, 404].includes(response.status)) return location.reload();
    if (!response.ok) throw new Error("no answer");
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    asOf = new Date();
    standing(true);
    replace(page);
  } catch {
    standing(false);
  }
  again();
}

function again() {
  clearTimeout(waiting);
  if (document.hidden) return;
  waiting = setTimeout(look, pause);
  pause = Math.min(pause * SLOWER, LONGEST_PAUSE_MS);
}

function soon() {
  pause = FIRST_PAUSE_MS;
  look();
}

/** Puts in what the server says now, the focus where it was. */
function replace(page) {
  const next = fresh(page);
  if (!next || next.innerHTML === last) return;
  last = next.innerHTML;
  pause = FIRST_PAUSE_MS;
  const before = told(document);
  const place = placeOf(document.activeElement);
  fresh(document).replaceWith(next);
  if (place) document.querySelector(place)?.focus({ preventScroll: true });
  const news = [...told(document)].filter(([name, text]) => before.get(name) !== text);
  if (news.length) say(`Du nouveau. ${news.map(([name, text]) => `${name} : ${text}`).join(". ")}.`);
}

/** What is worth saying when it changes, by name. */
function told(page) {
  const plain = (text) => text.replace(/\s+/g, " ").trim().replace(/\.$/, "");
  const texts = [...page.querySelectorAll("[data-told]")];
  return new Map(texts.map(({ dataset, textContent }) => [dataset.told, plain(textContent)]));
}

/** How to find the element again that has the focus. */
function placeOf(element) {
  if (!element?.closest("[data-fresh]")) return null;
  const href = element.getAttribute("href");
  return `[data-fresh] ${href === null ? element.localName : `a[href="${CSS.escape(href)}"]`}`;
}

/** Whether what is shown is what there is. */
function standing(heard) {
  shown.querySelector("[data-refresh]").hidden = heard;
  shown.classList.toggle("doubt", !heard);
  const hour = asOf.toLocaleTimeString("fr-FR", { hour: "numeric", minute: "2-digit" }).replace(":", "\u00a0h\u00a0");
  if (!heard) say(`Pas de réseau : cette page est celle de ${hour}. `);
  else if (shown.dataset.lost) say("À nouveau à jour.");
  shown.dataset.lost = heard ? "" : "1";
}

function say(text) {
  const said = shown.querySelector("[role=status]");
  // The same words again would be read out again.
  if (said.textContent !== text) said.textContent = text;
}

if (shown && last !== undefined) {
  shown.querySelector("[data-refresh]").hidden = true;
  say("Cette page se met à jour seule.");
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(waiting) : soon()));
  addEventListener("online", soon);
  addEventListener("pageshow", ({ persisted }) => persisted && soon());
  again();
}
