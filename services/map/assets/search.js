// A field that takes a place by name, with what is meant offered while one writes: a combobox with a list (ARIA 1.2). What
// is chosen goes in the form's `meant` and `meant_of`, which the server believes as long as the text is still that one.
// Without a network, or without this file, the field takes text as ever.

/** A pause in writing. */
const THOUGHT_MS = 200;
const SHORTEST = 3;

const field = document.querySelector("[data-place-search]");

if (field) begin(field, field.closest("form"));

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
  let pending;
  let places = [];
  let active = -1;

  field.addEventListener("input", () => {
    forget();
    tell("");
    clearTimeout(pending);
    pending = setTimeout(look, THOUGHT_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!places.length) return;
      event.preventDefault();
      if (list.hidden) open();
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark((active + step + places.length + (active < 0 && step < 0 ? 1 : 0)) % places.length);
    } else if (event.key === "Enter" && !list.hidden && active >= 0) {
      event.preventDefault();
      choose(places[active]);
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

  async function look() {
    const text = field.value.trim();
    if (text.length < SHORTEST) return show([]);
    const near = document.querySelector("[data-point-choice]")?.dataset ?? {};
    const query = new URLSearchParams({ q: text, ...(near.lon && { lon: near.lon, lat: near.lat }) });
    try {
      const response = await fetch(`/api/v1/territory/search?${query}`);
      const answer = response.ok ? await response.json() : { places: [] };
      // Something else was written meanwhile.
      if (field.value.trim() !== text) return;
      show(answer.places);
      const [first] = answer.places;
      if (first?.certain) {
        mean(first, text);
        tell(`Compris : ${inWords(first)}. ${counted(answer.places.length)}`);
      } else {
        tell(answer.places.length ? counted(answer.places.length) : "Aucun lieu de ce nom.");
      }
    } catch {
      show([]);
      tell("Sans réseau, le lieu sera compris à l'envoi.");
    }
  }

  function counted(count) {
    return count > 1 ? `${count} lieux proposés, flèches pour choisir.` : "";
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
    field.value = inWords(place);
    mean(place, field.value);
    close();
    tell(`Compris : ${inWords(place)}, à ${Math.round(place.accuracy_m)} m près.`);
    field.dispatchEvent(new CustomEvent("place", { bubbles: true, detail: place }));
  }

  /** Whoever sends `text` means this place. */
  function mean(place, text) {
    const hidden = meant();
    if (!hidden) return;
    hidden.value = place.school
      ? `school:${place.school}`
      : place.kind === "sector"
        ? `sector:${place.sector}`
        : `point:${place.lat},${place.lon},${place.accuracy_m}`;
    form.elements.meant_of.value = text;
    if (form.elements.accuracy) form.elements.accuracy.value = "";
  }

  function forget() {
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
