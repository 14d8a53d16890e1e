// A crisis' page, kept up to date: when something happened in it, the parts that changed are read again. What somebody
// is typing, what they have opened and where they are stays.
import { follow } from "/assets/console/live.js";
import { left } from "/assets/console/rows.js";

const EVERY = 1_000;
const MINUTE = 60_000;

const page = document.getElementById("contenu");
const live = () => document.getElementById("live");
/** What the server last made of each part, by id. */
const made = new Map();
let skew = 0;
let behind = false;
let said = ["", ""];

function say(text, state) {
  const pulse = document.getElementById("pulse");
  if (pulse.textContent !== text) pulse.textContent = text;
  pulse.dataset.state = state;
  said = [text, state];
}

const parts = (root) => [...root.querySelectorAll("[data-live]")];
const remember = () => parts(page).forEach((part) => made.set(part.id, part.innerHTML));

const FIELDS = "input:not([type=hidden]), select, textarea";
const checkable = (field) => field.type === "checkbox" || field.type === "radio";

/** Whether somebody changed a field since the server made it. */
function touched(field) {
  if (checkable(field)) return field.checked !== field.defaultChecked;
  if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
  const options = [...field.options];
  const first = options.find((option) => option.defaultSelected) ?? options[0];
  return field.selectedOptions[0] !== first;
}

/** Puts `fresh` in the place of what a part shows, and people's own doings back. */
function swap(part, fresh) {
  const typed = [...part.querySelectorAll(FIELDS)].filter((field) => field.id && touched(field));
  const opened = [...part.querySelectorAll("details[open]")].map((details) => details.id);
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const caret = focused?.selectionStart;
  part.replaceChildren(...fresh.childNodes);
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  for (const field of typed) {
    const now = document.getElementById(field.id);
    if (!now) continue;
    if (checkable(field)) now.checked = field.checked;
    else now.value = field.value;
  }
  if (!focused) return;
  const now = focused.id && document.getElementById(focused.id);
  if (now) {
    now.focus({ preventScroll: true });
    if (caret !== null && caret !== undefined) now.setSelectionRange?.(caret, caret);
  } else {
    // What had the focus is gone: the part it was in has it, so that nobody is thrown back to the top.
    part.tabIndex = -1;
    part.focus({ preventScroll: true });
  }
}

/** Replaces every part that changed; the whole page when one came or went. */
async function refresh() {
  const response = await fetch(location.pathname, { cache: "no-store" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const names = (root) => parts(root).map((part) => part.id).join(" ");
  if (names(fresh) !== names(page)) {
    swap(page, fresh.getElementById("contenu"));
    remember();
    say(...said);
  } else {
    for (const part of parts(page)) {
      const now = fresh.getElementById(part.id);
      const html = now.innerHTML;
      if (html === made.get(part.id)) continue;
      swap(part, now);
      made.set(part.id, html);
    }
    live().dataset.incidents = fresh.getElementById("live").dataset.incidents;
  }
  tick();
}

/** Counts down to what is due, and the minutes of an exercise's clock up. */
function tick() {
  const now = Date.now() + skew;
  for (const node of document.querySelectorAll(".left")) {
    const text = left(Date.parse(node.dataset.due), now);
    if (node.textContent !== text) node.textContent = text;
    // What was due has been dealt with, or will be in a moment.
    if (text === ", échue") behind = true;
  }
  for (const node of document.querySelectorAll(".minute")) {
    node.from ??= Date.now();
    const passed = ((Date.now() - node.from) * Number(node.dataset.speed)) / MINUTE;
    const text = String(Math.floor(Number(node.dataset.minute) + passed));
    if (node.textContent !== text) node.textContent = text;
  }
}

remember();
tick();

setInterval(() => {
  if (behind) {
    behind = false;
    refresh().catch(() => (behind = true));
  } else {
    tick();
  }
}, EVERY);

follow(
  live().dataset.after,
  {
    connected: () => say("En direct.", "live"),
    lost: () => say("Connexion perdue, nouvelle tentative…", "lost"),
    ended: () => say("Votre session est terminée : ouvrez votre lien personnel, puis actualisez la page.", "ended"),
    told(name, { at, crisis, incident }) {
      if (name === "alive") skew = Date.parse(at) - Date.now();
      else if (crisis?.id === live().dataset.id) behind = true;
      else if (incident && live().dataset.incidents.includes(incident.id)) behind = true;
    },
  },
  "/api/v1/events?crises=true",
);
