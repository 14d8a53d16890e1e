// The board of /scop, kept up to date: facts come by the stream and are shown once a frame, what only the API knows
// (who is in charge, what comes next) is asked for in batches. Memory grows with the open incidents and nothing else.
import { follow } from "./live.js";
import { LEVELS, Rows, clock } from "./rows.js";
import { BoardMap } from "./board-map.js";
import { Siren } from "./siren.js";
import { bind } from "./keys.js";

const BATCH = 50; // incidents asked for at once
const ASK_EVERY = 400;
const READ_EVERY = 3_000;
const ALARMS_SHOWN = 5;

const find = (id) => document.getElementById(id);
const list = find("board");
const rows = new Rows(list, find("blank"));
const siren = new Siren();
/** The server's clock, not this desk's. */
let skew = Date.parse(list.dataset.now) - Date.now();
const now = () => Date.now() + skew;

// --- What happens is shown once a frame ------------------------------------------------------------------------------

const pending = new Map();
let drawing = false;

function draw() {
  drawing = false;
  for (const incident of pending.values()) {
    rows.put(incident);
    if (incident.status !== "open") answered(incident.id);
    if (incident.status === "closed") read(incident.id);
  }
  pending.clear();
  count();
  map.touch();
}

function drawSoon() {
  if (drawing) return;
  drawing = true;
  // A hidden page gets no frames, and must not keep what it was told.
  if (document.hidden) setTimeout(draw, 200);
  else requestAnimationFrame(draw);
}

function count() {
  const shown = rows.shown();
  const open = shown.filter((row) => row.waits).length;
  const events = shown.length > 1 ? `${shown.length} événements` : "1 événement";
  const said = shown.length ? `${events}, dont ${open} à prendre en compte` : "Aucun événement";
  if (find("count").textContent !== said) find("count").textContent = said;
}

// --- What only the API knows -----------------------------------------------------------------------------------------

const wanted = new Map(); // incident → when to ask

function ask(id, at = Date.now()) {
  if (!wanted.has(id) || wanted.get(id) > at) wanted.set(id, at);
}

async function askNow() {
  const due = [...wanted].filter(([, at]) => at <= Date.now()).slice(0, BATCH).map(([id]) => id);
  if (!due.length) return;
  for (const id of due) wanted.delete(id);
  const begun = Date.now();
  const response = await fetch(`/api/v1/incidents?ids=${due.join(",")}`, { cache: "no-store" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const { incidents } = await response.json();
  for (const incident of incidents) {
    pending.set(incident.id, newer(pending.get(incident.id), incident));
    rows.complete(incident, now());
    // Somebody of this desk has opened it; an answer asked for before the fact says nothing of it.
    if (!incident.unread && grave.get(incident.id)?.since < begun) read(incident.id);
    // The plan of a new incident is made a moment after it.
    const fresh = now() - Date.parse(incident.opened_at) < 10_000;
    if (fresh && !incident.upcoming && incident.status === "open") ask(incident.id, Date.now() + 1_000);
  }
  drawSoon();
}

const newer = (a, b) => (a && a.version > b.version ? a : b);

(async function askOn() {
  for (;;) {
    await new Promise((resume) => setTimeout(resume, ASK_EVERY));
    await askNow().catch(() => {});
  }
})();

setInterval(() => {
  rows.tick(now());
  for (const row of rows.values()) {
    // A step that was due has been dealt with by now, or will be.
    if (row.due !== null && row.due < now() - 1_000 && row.status !== "closed") ask(row.id, Date.now() + 1_000);
    // No fact tells that another screen of this desk has read it.
    if (row.unread) ask(row.id, Date.now() + READ_EVERY);
  }
  pulse();
}, 1_000);

// --- The stream ------------------------------------------------------------------------------------------------------

let heard = Date.now();
let state = "connecting";

const STATES = {
  connecting: "Connexion en cours…",
  live: "En direct.",
  lost: "Connexion perdue, nouvelle tentative…",
  ended: "Votre session est terminée : ouvrez votre lien personnel, puis actualisez la page.",
};

/** The state is announced; the time beside it only shown. */
function pulse() {
  const element = find("pulse");
  if (element.textContent !== STATES[state]) element.textContent = STATES[state];
  if (element.dataset.state !== state) element.dataset.state = state;
  const minutes = Math.floor((Date.now() - heard) / 60_000);
  const stale = minutes < 1 ? "il y a moins d'une minute" : `il y a ${minutes} min`;
  const said = `Dernière mise à jour ${state === "live" ? `à ${clock(heard + skew)}` : stale}.`;
  if (find("heard").textContent !== said) find("heard").textContent = said;
}

function enter(next) {
  state = next;
  pulse();
}

follow(list.dataset.after, {
  connected: () => enter("live"),
  lost: () => enter("lost"),
  ended: () => enter("ended"),
  told(name, { at, incident, news }) {
    heard = Date.now();
    if (name === "alive") {
      skew = Date.parse(at) - heard;
      return;
    }
    const known = rows.get(incident.id);
    const graver = !known || (known.severity !== incident.severity && name === "incident.aggravated");
    pending.set(incident.id, newer(pending.get(incident.id), incident));
    ask(incident.id);
    if (graver && (name === "incident.opened" || name === "incident.aggravated")) alarm(incident);
    const facts = news?.facts?.filter((fact) => fact.alarms).map((fact) => fact.label) ?? [];
    if (facts.length) alarmOfFacts(incident, facts);
    drawSoon();
  },
});

// --- New grave incidents ---------------------------------------------------------------------------------------------

const unanswered = new Map();
/** Incidents in hand of which something grave became known, until somebody of this desk opens them. */
const grave = new Map();

function alarmOfFacts(incident, facts) {
  if (incident.status === "closed") return;
  const before = grave.get(incident.id)?.facts ?? [];
  grave.set(incident.id, { incident, facts: [...new Set([...before, ...facts])], since: Date.now() });
  startle(incident);
}

/** Somebody of this desk has read what was grave of it. */
function read(id) {
  if (!grave.delete(id)) return;
  calm();
}

function alarm(incident) {
  const isGrave = incident.severity === "serious" || incident.severity === "fatal";
  if (!isGrave || incident.status !== "open") return;
  unanswered.set(incident.id, incident);
  startle(incident);
}

function startle(incident) {
  const drill = incident.nature !== "real";
  showAlarms();
  if (!drill || find("drill-sound").checked) siren.ring();
  showSiren();
}

function answered(id) {
  if (unanswered.delete(id)) calm();
}

function calm() {
  if (!unanswered.size && !grave.size) siren.stop();
  showAlarms();
  showSiren();
}

let alarmsDrawn = false;
function showAlarms() {
  if (alarmsDrawn) return;
  alarmsDrawn = true;
  requestAnimationFrame(() => {
    alarmsDrawn = false;
    const opened = [...unanswered.values()].map((incident) => ({ incident, said: LEVELS[incident.severity] }));
    const told = [...grave.values()].map(({ incident, facts }) => ({ incident, said: facts.join(", ") }));
    const all = [...opened, ...told];
    const latest = all.slice(-ALARMS_SHOWN);
    const lines = latest.map(({ incident, said }) => {
      const line = document.createElement("p");
      line.className = incident.nature === "real" ? "" : "drill";
      const link = document.createElement("a");
      link.href = `/scop/evenements/${incident.id}`;
      const { nature, kind_label, sector_label, reference } = incident;
      const mark = nature === "real" ? "" : "EXERCICE ";
      link.textContent = `${mark}${said} : ${kind_label}, ${sector_label}, ${reference}`;
      line.append(link);
      return line;
    });
    const others = all.length - latest.length;
    if (others > 0) {
      const line = document.createElement("p");
      line.textContent = `et ${others} ${others > 1 ? "autres" : "autre"} dans la liste`;
      lines.push(line);
    }
    find("alarms").replaceChildren(...lines);
  });
}

function showSiren() {
  find("silence").hidden = !siren.ringing;
  const button = find("sound");
  button.setAttribute("aria-pressed", String(siren.enabled));
  button.textContent = siren.enabled ? "Couper le son" : "Activer le son";
}

function silence() {
  siren.stop();
  showSiren();
}

find("silence").addEventListener("click", () => {
  silence();
  find("sound").focus();
});
find("sound").addEventListener("click", async () => {
  if (siren.enabled) siren.disable();
  else await siren.enable();
  showSiren();
});

// --- Filters ---------------------------------------------------------------------------------------------------------

const filters = find("filters");
const sector = filters.elements.secteur;
const map = new BoardMap({
  rows,
  sector,
  wants,
  choose(id) {
    sector.value = id === sector.value ? "" : id;
    filter();
  },
});

/** Says of a line whether it is wanted as the filters stand now, whatever its sector. */
function wants() {
  const wanted = Object.fromEntries(new FormData(filters));
  const any = (value, is) => !value || value === is;
  return (row) =>
    any(wanted.niveau, row.severity) &&
    any(wanted.etat, row.status) &&
    any(wanted.type, row.kind) &&
    !(wanted.exercices === "masquer" && row.exercise);
}

function filter() {
  const wanted = wants();
  rows.filter((row) => wanted(row) && (!sector.value || row.sectors.includes(sector.value)));
  count();
  map.redraw();
  const chosen = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
  history.replaceState(null, "", chosen.size ? `?${chosen}` : location.pathname);
}

filters.addEventListener("change", filter);
filters.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});

// --- Keys and taking charge ------------------------------------------------------------------------------------------

function move(step) {
  const shown = rows.shown();
  if (!shown.length) return;
  const at = shown.findIndex((row) => row.link === document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : shown.length - 1) : Math.min(shown.length - 1, Math.max(0, at + step));
  shown[next].link.focus();
  shown[next].element.scrollIntoView({ block: "nearest" });
}

const confirm = find("confirm");

/** The text of each part of a line. */
const mapped = (parts) =>
  Object.fromEntries(Object.entries(parts).map(([name, node]) => [name, node.textContent]));

/** Asks, then takes charge of the incident as it is shown now. */
function takeCharge() {
  const row = rows.shown().find((row) => row.link === document.activeElement);
  if (!row || row.status === "closed") return;
  const { id, version, parts } = row;
  const { exercise, badge, kind, sector, reference } = mapped(parts);
  find("confirm-text").textContent = `${exercise}${badge} : ${kind}, ${sector}, ${reference}`;
  confirm.returnValue = "no";
  confirm.showModal();
  confirm.addEventListener(
    "close",
    async () => {
      rows.get(id)?.link.focus({ preventScroll: true });
      if (confirm.returnValue === "yes") say(await acknowledge(id, version, reference));
    },
    { once: true },
  );
}

async function acknowledge(id, version, reference) {
  try {
    const response = await fetch(`/api/v1/incidents/${id}/acknowledgements`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ version }),
    });
    if (response.status === 200) return `${reference} : prise en compte.`;
    if (response.status === 202) return `${reference} : enregistré, en cours de transmission.`;
    const problem = await response.json();
    return `${reference} : ${problem.detail ?? problem.title}`;
  } catch {
    return `${reference} : la prise en compte n'est pas partie, le serveur ne répond pas. Recommencez.`;
  }
}

function say(what) {
  find("said").textContent = what;
}

bind(
  {
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    a: takeCharge,
    s: silence,
    "/": () => filters.querySelector("select").focus(),
    c: () => map.toggle(),
    "?": () => find("keys").showModal(),
  },
  find("keys-on"),
);
find("help").addEventListener("click", () => find("keys").showModal());
find("tools").hidden = false;
filter();
rows.tick(now());
pulse();
