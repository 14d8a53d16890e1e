// The lines of the board: one element an incident, changed in place, in order of gravity and then of age.

const GRAVITY = { fatal: 0, serious: 1, tension: 2, watch: 3 };
const KEPT_AFTER_CLOSING = 20_000;
const HOUR = 3_600_000;
/** Classes of the texts of a line. */
const PARTS = [
  "partial",
  "refused",
  "unread",
  ...["badge", "exercise", "kind", "reference", "sector", "place"],
  ...["status", "regime", "due", "tells", "who", "since"],
];

const CLOCK = new Intl.DateTimeFormat("fr-FR", { hour: "2-digit", minute: "2-digit", timeZone: "Europe/Paris" });
const DATE = { weekday: "long", day: "numeric", month: "long", timeZone: "Europe/Paris" };
const DAY = new Intl.DateTimeFormat("fr-FR", DATE);
const REGIMES = { local: "Crise localisée", city: "Crise parisienne", national: "Crise nationale" };
const STATUSES = { open: "Ouvert", acknowledged: "Pris en compte", closed: "Clos" };
const IN_PART = "Pris en compte en partie";
export const LEVELS = { fatal: "Mortel", serious: "Grave", tension: "Tension", watch: "Veille" };

export class Rows {
  #list;
  #blank;
  #known = new Map();
  /** The lines in the order shown. */
  #order = [];
  #shows = () => true;

  constructor(list, blank) {
    this.#list = list;
    this.#blank = blank.content.firstElementChild;
    for (const element of list.children) this.#adopt(element);
  }

  get size() {
    return this.#order.length;
  }

  get(id) {
    return this.#known.get(id);
  }

  values() {
    return this.#order.values();
  }

  /** Shows the lines `shows` wants, now and from now on. */
  filter(shows) {
    this.#shows = shows;
    for (const row of this.#order) set(row.element, "hidden", !shows(row));
  }

  /** Lines that are shown, in order. */
  shown() {
    return this.#order.filter((row) => !row.element.hidden);
  }

  /** What is known of an incident now. News older than what is shown changes nothing. */
  put(incident) {
    let row = this.#known.get(incident.id);
    if (!row) {
      if (incident.status === "closed") return null;
      row = this.#adopt(this.#create(incident));
    } else if (incident.version < row.version) {
      return row;
    }
    this.#fill(row, incident);
    this.#settle(row);
    if (incident.status === "closed") {
      row.leaving ??= setTimeout(() => this.#remove(row), KEPT_AFTER_CLOSING);
    }
    return row;
  }

  /** Who is in charge and what comes next: only the API knows. */
  complete({ id, upcoming, in_charge, partial, refused, unread }, now) {
    const row = this.#known.get(id);
    if (!row) return;
    row.due = upcoming ? Date.parse(upcoming.due_at) : null;
    const tells = upcoming?.tells.join(", ") ?? "";
    text(row.parts.tells, upcoming && upcoming.step === null ? `confirmation demandée à ${tells}` : tells);
    text(row.parts.who, in_charge?.join(", ") ?? "");
    text(row.parts.partial, partial?.map((quorum) => quorum.text).join(" ; ") ?? "");
    if (row.status === "acknowledged") text(row.parts.status, partial ? IN_PART : STATUSES.acknowledged);
    text(row.parts.refused, listed("Refus", refused));
    text(row.parts.unread, listed("Nouveau", unread));
    this.#tickRow(row, now);
  }

  /** The clock went on. */
  tick(now) {
    for (const row of this.#order) this.#tickRow(row, now);
  }

  /** Drops what the server no longer calls open. */
  keepOnly(ids) {
    for (const row of [...this.#order]) if (!ids.has(row.id) && !row.leaving) this.#remove(row);
  }

  #tickRow(row, now) {
    text(row.parts.since, ago(now - row.opened));
    text(row.parts.due, row.status === "closed" || row.due === null ? "" : countdown(row.due, now));
    const late = row.due !== null && row.due <= now;
    if (row.late !== late) row.element.classList.toggle("late", (row.late = late));
  }

  #create(incident) {
    const element = this.#blank.cloneNode(true);
    element.id = `i-${incident.id}`;
    element.dataset.id = incident.id;
    element.querySelector("a").href = `/scop/evenements/${incident.id}`;
    return element;
  }

  #adopt(element) {
    const { dataset } = element;
    const part = (name) => element.querySelector(`.${name}`);
    const row = {
      element,
      id: dataset.id,
      version: Number(dataset.version),
      severity: dataset.severity,
      status: dataset.status,
      kind: dataset.kind,
      sectors: dataset.sectors.split(" "),
      exercise: "exercise" in dataset,
      opened: Date.parse(dataset.opened),
      due: dataset.due ? Date.parse(dataset.due) : null,
      late: null,
      leaving: null,
      parts: Object.fromEntries(PARTS.map((name) => [name, part(name)])),
      link: element.querySelector("a"),
      /** Something is new that nobody of this desk has read. */
      get unread() {
        return this.parts.unread.textContent !== "";
      },
      /** Somebody must still take charge: nobody has, or others are awaited beside who has. */
      get waits() {
        return this.status === "open" || (this.status !== "closed" && this.parts.partial.textContent !== "");
      },
    };
    this.#known.set(row.id, row);
    if (element.parentNode === this.#list) this.#order.push(row);
    return row;
  }

  #fill(row, incident) {
    const { element, parts } = row;
    const { version, severity, status } = incident;
    const kind = incident.kind;
    const exercise = incident.nature !== "real";
    const sectors = [incident.sector, ...(incident.also_concerns ?? [])];
    Object.assign(row, { version, severity, status, kind, sectors, exercise, opened: Date.parse(incident.opened_at) });
    Object.assign(element.dataset, { version, severity, status });
    text(parts.badge, LEVELS[severity]);
    parts.badge.className = `badge ${severity}`;
    text(parts.exercise, exercise ? "EXERCICE " : "");
    text(parts.kind, incident.kind_label);
    text(parts.reference, incident.reference);
    text(parts.sector, incident.sector_label);
    if (incident.place) text(parts.place, incident.place);
    if (status !== "acknowledged" || parts.status.textContent !== IN_PART) text(parts.status, STATUSES[status]);
    text(parts.regime, REGIMES[incident.regime] ?? "");
    set(element, "hidden", !this.#shows(row));
  }

  /** Puts a line where it belongs, and keeps the focus if it is there. */
  #settle(row) {
    const at = this.#order.indexOf(row);
    const before = at > 0 ? this.#order[at - 1] : null;
    const behind = this.#order[at + 1];
    if (at >= 0 && (!before || compare(before, row) < 0) && (!behind || compare(row, behind) < 0)) return;
    if (at >= 0) this.#order.splice(at, 1);
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.#order[middle], row) < 0) low = middle + 1;
      else high = middle;
    }
    const focused = document.activeElement === row.link;
    this.#list.insertBefore(row.element, this.#order[low]?.element ?? null);
    this.#order.splice(low, 0, row);
    if (focused) row.link.focus({ preventScroll: true });
  }

  #remove(row) {
    clearTimeout(row.leaving);
    const at = this.#order.indexOf(row);
    const focused = document.activeElement === row.link;
    row.element.remove();
    this.#order.splice(at, 1);
    this.#known.delete(row.id);
    if (focused) (this.#order[at] ?? this.#order[at - 1])?.link.focus({ preventScroll: true });
  }
}

function compare(a, b) {
  return GRAVITY[a.severity] - GRAVITY[b.severity] || a.opened - b.opened || (a.id < b.id ? -1 : 1);
}

/** `Nouveau : arme vue, 45 personnes`, as the server says it. */
function listed(what, texts) {
  return texts?.length ? `${what} : ${texts.join(", ")}` : "";
}

/** Writing the same text again would still make the browser work. */
function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

function set(element, name, value) {
  if (element[name] !== value) element[name] = value;
}

/** `14 h 32, dans 4 min 05` */
export function countdown(due, now) {
  if (due <= now) return "échue, en cours";
  if (due - now < 2 * HOUR) return clock(due) + left(due, now);
  return DAY.format(due) === DAY.format(now) ? clock(due) : `${DAY.format(due)} ${clock(due)}`;
}

/** `, dans 4 min 05`; nothing when that is far away. */
export function left(due, now) {
  const seconds = Math.ceil((due - now) / 1000);
  if (seconds <= 0) return ", échue";
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return `, dans ${minutes} min ${String(seconds % 60).padStart(2, "0")}`;
  return due - now < 2 * HOUR ? `, dans ${minutes} min` : "";
}

/** `il y a 12 min` */
export function ago(milliseconds) {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return "à l'instant";
  if (minutes < 120) return `il y a ${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `il y a ${hours} h` : `il y a ${Math.floor(hours / 24)} jours`;
}

/** `14 h 32`, `8 h`, as the server says it; the spaces do not break. */
export function clock(at) {
  const [hour, minute] = CLOCK.format(at).split(":");
  return minute === "00" ? `${Number(hour)}\u00a0h` : `${Number(hour)}\u00a0h\u00a0${minute}`;
}
