// The map beside the board: each sector in the colour of the gravest that is not closed there, with how many nobody has
// taken charge of. The same stands beside it as a list, whose buttons choose a sector as a click on the map does.
import { LEVELS } from "./rows.js";

const STORED = "vigie.map";
/**
 * A map costs more than a line, and keys would wait for it. What happens alone is seen at once; while much happens map
 * and list follow this often, and only the line one rests on is outlined. A map drawn without a graphics card also waits
 * for a pause of whoever is at the keys, though not for ever; the list does not.
 */
const EVERY = 1_000;
const PAUSE = 500;
const PATIENCE = 20_000;
const WIDE = matchMedia("(min-width: 1100px)");
const GRAVEST_FIRST = Object.keys(LEVELS);

const find = (id) => document.getElementById(id);

export class BoardMap {
  #rows;
  #sector;
  #wants;
  #choose;
  #map = null;
  #opening = false;
  #timer = null;
  #drawn = -EVERY;
  #resting;
  #states = new Map();
  /** Since when the map differs from the list, and the timer that looks again. */
  #waiting = null;
  #painting;
  #lastKey = -PAUSE;
  /** The button of each sector that had an incident. */
  #buttons = new Map();

  /** `rows` of the board, `sector` the field that filters by it, `wants()` what the other filters say of a row. */
  constructor({ rows, sector, wants, choose }) {
    this.#rows = rows;
    this.#sector = sector;
    this.#wants = wants;
    this.#choose = choose;
    const list = find("board");
    const light = ({ target }) => this.#light(rows.get(target.closest(".row")?.dataset.id)?.sectors);
    list.addEventListener("pointerover", light);
    list.addEventListener("focusin", light);
    list.addEventListener("pointerleave", () => this.#light());
    addEventListener("keydown", () => (this.#lastKey = performance.now()), true);
    find("map-toggle").addEventListener("click", () => this.toggle());
    this.#show(localStorage.getItem(STORED) === null ? WIDE.matches : localStorage.getItem(STORED) === "on");
  }

  toggle() {
    const on = find("map-panel").hidden;
    localStorage.setItem(STORED, on ? "on" : "off");
    this.#show(on);
  }

  /** What the person at the board asked for is shown at once. */
  redraw() {
    if (find("map-panel").hidden) return;
    this.#draw();
    this.#paint();
  }

  /** Something may have changed; shown in a moment. */
  touch() {
    if (this.#timer !== null || find("map-panel").hidden) return;
    const draw = () => {
      this.#timer = null;
      this.#draw();
      this.#waiting ??= performance.now();
      this.#paintInPause();
    };
    this.#timer = setTimeout(draw, Math.max(0, this.#drawn + EVERY - performance.now()));
  }

  #show(on) {
    find("map-panel").hidden = !on;
    find("beside").classList.toggle("with-map", on);
    find("map-toggle").setAttribute("aria-expanded", String(on));
    if (!on) return;
    this.touch();
    // The lines first: the map is large, and waits until the page has nothing else to do.
    if (!this.#opening) (globalThis.requestIdleCallback ?? setTimeout)(() => this.#open());
    this.#opening = true;
  }

  async #open() {
    const { open } = await import("/assets/map/map.js").catch(() => ({}));
    // The server is gone for the moment: whoever shows the map again asks again.
    if (!open) return void (this.#opening = false);
    const instead = "La liste ci-dessous dit la même chose.";
    const map = await open(find("map"), { instead });
    if (!map) return;
    map.onClick((at, id) => id && this.#choose(id));
    this.#map = map;
    this.touch();
  }

  /** Outlines sectors once nothing else was pointed at for a moment. */
  #light(ids = []) {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#map?.light(ids), PAUSE);
  }

  /** The list. */
  #draw() {
    this.#drawn = performance.now();
    const found = this.#found();
    const chosen = this.#sector.value;
    for (const { value, text } of this.#sector.options) {
      if (value) this.#list(value, text, found.get(value), value === chosen);
    }
    find("map-none").hidden = found.size > 0;
    const state = ({ level, open }) => ({ level, quiet: !open, text: open ? String(open) : "✓" });
    this.#states = new Map([...found].map(([id, sector]) => [id, state(sector)]));
  }

  /** The map. */
  #paint() {
    this.#waiting = null;
    this.#map?.paint(this.#states);
    this.#map?.choose(this.#sector.value);
  }

  #paintInPause() {
    clearTimeout(this.#painting);
    const now = performance.now();
    const typing = now - this.#lastKey < PAUSE && now - this.#waiting < PATIENCE;
    if (this.#map?.slow && typing) this.#painting = setTimeout(() => this.#paintInPause(), PAUSE);
    else this.#paint();
  }

  /** By sector: the gravest level, how many are open, and of all of them how many are exercises. */
  #found() {
    const found = new Map();
    const wanted = this.#wants();
    for (const row of this.#rows.values()) {
      if (row.status === "closed" || !wanted(row)) continue;
      for (const id of row.sectors) {
        const sector = found.get(id) ?? { level: "drill", open: 0, all: 0, drills: 0 };
        found.set(id, sector);
        sector.all++;
        if (row.waits) sector.open++;
        if (row.exercise) sector.drills++;
        else if (graver(row.severity, sector.level)) sector.level = row.severity;
      }
    }
    return found;
  }

  /** The line of a sector, in the order of the filter; gone when it has nothing and nobody is on it. */
  #list(id, label, found, chosen) {
    let line = this.#buttons.get(id);
    if (!line) {
      if (!found && !chosen) return;
      line = this.#make(id, label);
    }
    const button = line.firstElementChild;
    const said = found ? says(found) : "aucun événement";
    const level = found?.level ?? "";
    if (line.hidden !== (!found && !chosen && button !== document.activeElement)) line.hidden = !line.hidden;
    if (button.lastElementChild.textContent !== said) button.lastElementChild.textContent = said;
    if (button.dataset.level !== level) button.dataset.level = level;
    if (button.getAttribute("aria-pressed") !== String(chosen)) button.setAttribute("aria-pressed", String(chosen));
  }

  #make(id, label) {
    const line = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", className: "plain" });
    button.dataset.sector = id;
    button.append(Object.assign(document.createElement("b"), { textContent: label }), " ", document.createElement("span"));
    button.addEventListener("click", () => this.#choose(id));
    const light = () => this.#light([id]);
    button.addEventListener("focus", light);
    button.addEventListener("pointerenter", light);
    button.addEventListener("pointerleave", () => this.#light());
    line.append(button);
    const before = [...this.#sector.options].map(({ value }) => value);
    const list = find("map-sectors");
    const place = before.indexOf(id);
    const next = [...list.children].find(({ firstElementChild }) => before.indexOf(firstElementChild.dataset.sector) > place);
    list.insertBefore(line, next ?? null);
    this.#buttons.set(id, line);
    return line;
  }
}

function graver(severity, than) {
  return than === "drill" || GRAVEST_FIRST.indexOf(severity) < GRAVEST_FIRST.indexOf(than);
}

/** `Grave, 2 à prendre en compte (3 en cours), dont 1 exercice` */
function says({ level, open, all, drills }) {
  const gravest = level === "drill" ? "Exercice" : LEVELS[level];
  const left = open ? `${open} à prendre en compte` : "tout est pris en compte";
  const of = all > open ? ` (${all} en cours)` : "";
  const drilled = drills && level !== "drill" ? `, dont ${drills} exercice${drills > 1 ? "s" : ""}` : "";
  return `${gravest}, ${left}${of}${drilled}`;
}
