// Fields that take a place by name, with what may be meant offered while one writes: a combobox with a list (ARIA 1.2).
//
// What was understood is said beside the field, and given to the form with the text it was understood from: in `meant` and
// `meant_of`, which the server believes as long as the text is still that one, or, in a form that is sent as JSON, as its
// `location`. Without a network, or without this file, the field takes text as ever.

/** A pause in writing. */
const THOUGHT_MS = 200;
const SHORTEST = 3;
/** Longer than this, it is said that one is looking. */
const SLOW_MS = 600;
const PATIENCE_MS = 8000;

for (const field of document.querySelectorAll("[data-place-search]")) begin(field, field.closest("form"));

function begin(field, form) {
  const said = document.querySelector(`#${field.dataset.placeSearch}`);
  const list = document.createElement("ul");
  Object.assign(list, { id: `${field.id}-lieux`, className: "suggestions", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Lieux proposés");
  field.after(list);
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": list.id,
  })) {
    field.setAttribute(name, value);
  }
  /** Of a form sent as JSON: the field that holds the location, and what it is without any text. */
  const json = "json" in (form.elements.location?.dataset ?? {}) ? form.elements.location : null;
  const otherwise = json?.value;
  let pending;
  /** The question under way, which the next one ends. */
  let asking = null;
  /** The text that was understood, or could not be asked about. */
  let settled = null;
  let lost = false;
  let places = [];
  let active = -1;

  field.addEventListener("input", () => {
    forget();
    tell("");
    clearTimeout(pending);
    if (field.value.trim().length < SHORTEST) show([]);
    pending = setTimeout(look, THOUGHT_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!places.length) return;
      event.preventDefault();
      if (list.hidden) open();
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark((active + step + places.length + (active < 0 && step < 0 ? 1 : 0)) % places.length);
    } else if (event.key === "Enter" && !list.hidden) {
      // Whoever looks at a list is not done with the place: nothing is sent yet.
      event.preventDefault();
      if (active >= 0) choose(places[active]);
      else close();
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    }
  });
  field.addEventListener("blur", close);
  // The field keeps the focus while one of the list is pressed.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(places[[...list.children].indexOf(option)]);
  });
  // Another script has put a point there: it is named, and stays as exact as that script says.
  field.addEventListener("point", async () => {
    clearTimeout(pending);
    forget();
    show([]);
    tell("");
    const answer = await ask(field.value.trim());
    if (answer?.places.length) tell(`Compris : ${inWords(answer.places[0])}.`);
  });
  addEventListener("online", () => lost && look());
  // The page is not asked again when JSON is sent: what was understood is shown before.
  if (json) form.addEventListener("submit", beforeSending, { capture: true });

  async function beforeSending(event) {
    const text = field.value.trim();
    if (!text || settled === text) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    clearTimeout(pending);
    await look();
    if (settled === text && !lost) tell(`${said.textContent} Vérifiez, puis envoyez.`);
    else field.focus();
  }

  /** What the server says of `text`; null when it does not say, undefined when something else was asked meanwhile. */
  async function ask(text) {
    asking?.abort();
    const mine = (asking = new AbortController());
    const slow = setTimeout(() => tell("Recherche du lieu…"), SLOW_MS);
    const enough = setTimeout(() => mine.abort(), PATIENCE_MS);
    const near = document.querySelector("[data-point-choice]")?.dataset ?? {};
    const query = new URLSearchParams({ q: text, ...(near.lon && { lon: near.lon, lat: near.lat }) });
    try {
      const response = await fetch(`/api/v1/territory/search?${query}`, { signal: mine.signal });
      const answer = response.ok ? await response.json() : null;
      return asking === mine && field.value.trim() === text ? answer : undefined;
    } catch {
      return asking === mine ? null : undefined;
    } finally {
      clearTimeout(slow);
      clearTimeout(enough);
    }
  }

  async function look() {
    const text = field.value.trim();
    if (text.length < SHORTEST) {
      asking?.abort();
      asking = null;
      return show([]);
    }
    const answer = await ask(text);
    if (answer === undefined) return;
    lost = answer === null;
    if (lost) {
      settled = text;
      show([]);
      return tell(unheard());
    }
    show(answer.places);
    const [first] = answer.places;
    if (first?.certain) {
      mean(first, text);
      tell(`Compris : ${inWords(first)}. ${others(answer.places.length - 1)}`);
    } else {
      tell(first ? candidates(answer.places.length) : (answer.fault ?? "Aucun lieu de ce nom."));
    }
  }

  /** What becomes of a place that could not be asked about. */
  function unheard() {
    if (json) return "Pas de réponse : ce lieu n'est pas encore compris.";
    const here = document.querySelector("#ma-position:not([hidden])") ? " « Ma position » marche sans réseau." : "";
    return `Pas de réseau : ce lieu sera cherché à l'envoi et, s'il n'est pas sûr, il vous sera demandé.${here}`;
  }

  function show(found) {
    places = found;
    list.replaceChildren(...found.map((place, number) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${number}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      const detail = document.createElement("small");
      detail.textContent = place.detail;
      option.append(place.label, " ", detail);
      return option;
    }));
    mark(-1);
    if (found.length && document.activeElement === field) open();
    else close();
  }

  function open() {
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
  }

  function close() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    mark(-1);
  }

  function mark(number) {
    active = number;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === number)));
    if (number < 0) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", list.children[number].id);
    list.children[number]?.scrollIntoView({ block: "nearest" });
  }

  function choose(place) {
    clearTimeout(pending);
    asking?.abort();
    asking = null;
    field.value = inWords(place);
    mean(place, field.value);
    close();
    tell(`Compris : ${inWords(place)}, à ${Math.round(place.accuracy_m)} m près.`);
    field.dispatchEvent(new CustomEvent("place", { bubbles: true, detail: place }));
  }

  /** Whoever sends `text` means this place. */
  function mean(place, text) {
    settled = text;
    lost = false;
    if (json) {
      json.value = JSON.stringify(location(place));
      return;
    }
    const hidden = meant();
    if (!hidden) return;
    hidden.value = code(place, "points" in hidden.dataset);
    form.elements.meant_of.value = text;
    if (form.elements.accuracy) form.elements.accuracy.value = "";
  }

  function forget() {
    settled = null;
    lost = false;
    const text = field.value.trim();
    if (json) json.value = text ? JSON.stringify({ address: text }) : otherwise;
    const hidden = meant();
    if (hidden) hidden.value = "";
    if (form.elements.meant_of) form.elements.meant_of.value = "";
  }

  /** The hidden field; what the server offered to choose from gives way to what is written now. */
  function meant() {
    if (!form.elements.meant_of) return null;
    const offered = form.querySelector("#proposes");
    if (offered) {
      offered.remove();
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "meant" }));
    }
    return form.elements.meant;
  }

  function tell(text) {
    if (said) said.textContent = text.trim();
  }
}

/** `20 rue de Crimée, 19e, quartier Amérique` */
function inWords({ kind, label, detail }) {
  return kind === "sector" ? label : `${label}, ${detail}`;
}

function candidates(count) {
  return count > 1 ? `${count} lieux proposés : choisissez-en un.` : "Un lieu proposé : choisissez-le si c'est lui.";
}

function others(count) {
  if (count <= 0) return "";
  return count > 1 ? `${count} autres lieux sont proposés.` : "Un autre lieu est proposé.";
}

/** The place as forms give it back; where only points are taken, as the point it is. */
function code({ kind, school, sector, lon, lat, accuracy_m }, asPoint) {
  if (!asPoint && school) return `school:${school}`;
  if (!asPoint && kind === "sector") return `sector:${sector}`;
  return `point:${lat},${lon},${accuracy_m}`;
}

/** The place as a report says it. */
function location({ kind, school, sector, lon, lat, accuracy_m }) {
  if (school) return { school };
  return kind === "sector" ? { sector } : { lon, lat, accuracy_m };
}
