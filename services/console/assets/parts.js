// A page kept up to date: when something happened to what it shows (one incident, or those of a sector), the parts that
// only show are read again. Forms are left alone, whatever somebody is typing.
import { follow } from "./live.js";
import { left } from "./rows.js";

const EVERY = 1_000;

const live = document.getElementById("live");
let skew = 0;
let behind = false;

function say(text, state) {
  const pulse = document.getElementById("pulse");
  if (pulse.textContent !== text) pulse.textContent = text;
  pulse.dataset.state = state;
}

function concerns(incident) {
  const { id, sector } = live.dataset;
  return id ? incident.id === id : incident.sector === sector || incident.also_concerns.includes(sector);
}

/** Replaces every part that only shows with what the server shows now. */
async function refresh() {
  const since = document.getElementById("news")?.dataset.since;
  // Who has another page before their eyes has not read what is new on this one.
  const again = since ? `?${new URLSearchParams({ depuis: since, lu: document.hasFocus() ? "oui" : "non" })}` : "";
  const response = await fetch(location.pathname + again, { cache: "no-store" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    // What somebody has opened there to correct it, or is about to press, waits until they are done.
    const held = part.contains(document.activeElement) ? document.activeElement : null;
    if (part.querySelector("details[open]") || held?.matches("button, input, select, textarea")) continue;
    const now = fresh.getElementById(part.id);
    if (!now || now.innerHTML === part.innerHTML) continue;
    part.hidden = now.hidden;
    const at = held?.getAttribute("href");
    part.replaceChildren(...now.childNodes);
    if (at) part.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus();
  }
  // What is under the reader's eyes is what they take charge of.
  const version = document.querySelector("[name=version]");
  const newest = fresh.querySelector("[name=version]");
  if (version && newest) version.value = newest.value;
  countDown();
}

document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.open && target.closest("[data-live]")) behind = true;
  },
  true,
);

addEventListener("focus", () => (behind = true));

function countDown() {
  for (const node of document.querySelectorAll(".left")) {
    const text = left(Date.parse(node.dataset.due), Date.now() + skew);
    if (node.textContent !== text) node.textContent = text;
    // A step that was due has been dealt with, or will be in a moment.
    if (text === ", échue") behind = true;
  }
}

setInterval(() => {
  if (behind) {
    behind = false;
    refresh().catch(() => (behind = true));
  } else {
    countDown();
  }
}, EVERY);

follow(live.dataset.after, {
  connected: () => say("En direct.", "live"),
  lost: () => say("Connexion perdue, nouvelle tentative…", "lost"),
  ended: () => say("Votre session est terminée : ouvrez votre lien personnel, puis actualisez la page.", "ended"),
  told(name, { at, incident }) {
    if (name === "alive") skew = Date.parse(at) - Date.now();
    else if (concerns(incident)) behind = true;
  },
});
