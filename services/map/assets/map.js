// A map of the sectors in force, for any page. The library comes only when a map is opened; where it cannot be drawn,
// its place says so in one line. Whatever a map shows must also stand in the page as text.
import { colours, marked, style } from "./look.js";

const NOT_HERE = "Cet appareil ne peut pas afficher la carte.";
const NOT_NOW = "La carte n'a pas pu être chargée.";
const LOCALE = {
  "Map.Title": "Carte : les flèches la déplacent, + et − l'agrandissent ou la réduisent",
  "NavigationControl.ZoomIn": "Agrandir",
  "NavigationControl.ZoomOut": "Réduire",
  "ScaleControl.Meters": "m",
  "ScaleControl.Kilometers": "km",
  "CooperativeGesturesHandler.WindowsHelpText": "Ctrl + molette agrandit ou réduit la carte",
  "CooperativeGesturesHandler.MacHelpText": "⌘ + molette agrandit ou réduit la carte",
  "CooperativeGesturesHandler.MobileHelpText": "Déplacez la carte avec deux doigts",
};

/** From this zoom on the communes around are named too. */
const LABELS_AROUND = 11.5;

const here = (file) => new URL(file, import.meta.url).href;

/**
 * Opens a map in `place`. `lon`, `lat` and `zoom` say where it begins (all of the city otherwise), `schools` whether
 * they are shown, `within` (metres around where it begins) a limit to show, `instead` what remains to people where no map
 * can be drawn. Resolves to null then.
 */
export async function open(place, { lon, lat, zoom = 15, within, schools = false, instead = "" } = {}) {
  place.classList.add("map");
  place.dataset.state = "loading";
  place.textContent = "Chargement de la carte…";
  const fail = (why, error) => {
    const said = document.createElement("p");
    said.className = "map-failed";
    said.textContent = `${why} ${instead}`.trim();
    place.replaceChildren(said);
    place.dataset.state = "failed";
    console.info(`no map: ${error?.message ?? error}`);
    return null;
  };
  if (!canDraw()) return fail(NOT_HERE, "no WebGL 2");
  let parts;
  try {
    parts = await Promise.all([
      import("./maplibre-gl.mjs"),
      json("/api/v1/territory/sectors.geojson"),
      schools ? json("/api/v1/territory/schools.geojson") : null,
      json(here("tiles.json")),
      stylesheet("maplibre-gl.css"),
      stylesheet("map.css"),
    ]);
  } catch (error) {
    return fail(NOT_NOW, error);
  }
  const [library, data, points, tiles] = parts;
  place.replaceChildren();
  try {
    const whole = { bounds: extent(data, ({ in_paris }) => in_paris), fitBoundsOptions: { padding: 12 } };
    const begin = lon === undefined ? whole : { center: [lon, lat], zoom };
    const limit = within === undefined ? null : { lon, lat, accuracy_m: within };
    const map = new SectorMap(library, place, { data, schools: points, tiles, limit, begin });
    await map.drawn();
    place.dataset.state = "ready";
    return map;
  } catch (error) {
    return fail(NOT_HERE, error);
  }
}

/** A map that was opened. */
export class SectorMap {
  /** By id: `label`, `short`, `in_paris`, `centre`. */
  sectors;
  /** Drawn by software: a frame takes a tenth of a second, and the page waits for it. */
  slow = !canDraw({ failIfMajorPerformanceCaveat: true });
  #map;
  #data;
  #states = new Map();
  /** The label of each sector: an element over the map, so that a number that changes draws no map. */
  #labels = new Map();
  #lit = [];
  #chosen = null;

  constructor(library, place, { data, schools, tiles, limit, begin }) {
    this.#data = data;
    this.sectors = new Map(data.features.map(({ properties }) => [properties.id, properties]));
    const canvas = document.createElement("div");
    canvas.className = "map-canvas";
    const credits = document.createElement("p");
    credits.className = "map-credits";
    credits.textContent = [...data.attribution, tiles.attribution].filter(Boolean).join(" · ");
    place.append(canvas, credits);
    this.#map = new library.Map({
      container: canvas,
      style: style({ data, schools, tiles, limit, colour: colours(place) }),
      ...begin,
      maxBounds: extent(data, () => true, 0.05),
      minZoom: 8,
      maxZoom: 18,
      locale: LOCALE,
      attributionControl: false,
      fadeDuration: 0,
      cooperativeGestures: true,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      maxPitch: 0,
      renderWorldCopies: false,
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.keyboard.disableRotation();
    this.#map.addControl(new library.NavigationControl({ showCompass: false }));
    this.#map.addControl(new library.ScaleControl({ maxWidth: 120 }));
    this.#label(canvas);
    // What fails later (a tile, say) leaves the rest of the map as it is.
    this.#map.on("error", ({ error }) => (place.dataset.trouble = error?.message ?? "unknown"));
  }

  /** Resolves once everything is shown. */
  drawn() {
    return new Promise((resolve) => this.#map.once("idle", resolve));
  }

  /**
   * Shows the state of every sector: `level` of LEVELS (nothing for none), `quiet` when everything there is in hand,
   * `text` what stands below its name. What is the same as before costs nothing.
   */
  paint(states) {
    for (const [id, label] of this.#labels) {
      const { level = "", quiet = false, text = "" } = states.get(id) ?? {};
      const before = this.#states.get(id);
      if (before?.level !== level || before?.quiet !== quiet) {
        this.#set(id, { level, quiet });
        this.#states.set(id, { level, quiet });
      }
      const number = label.lastElementChild;
      if (number.textContent !== text) number.textContent = text;
    }
  }

  /** Outlines `ids` for the moment. */
  light(ids) {
    const wanted = ids.filter((id) => this.sectors.has(id));
    for (const id of this.#lit) if (!wanted.includes(id)) this.#set(id, { lit: false });
    for (const id of wanted) if (!this.#lit.includes(id)) this.#set(id, { lit: true });
    this.#lit = wanted;
  }

  /** Outlines the sector that was chosen; none for an empty id. */
  choose(id) {
    if (this.#chosen === (id || null)) return;
    if (this.#chosen) this.#set(this.#chosen, { chosen: false });
    this.#chosen = this.sectors.has(id) ? id : null;
    if (this.#chosen) this.#set(this.#chosen, { chosen: true });
  }

  /** Marks a point, and how well it is known. */
  mark(point) {
    this.#map.getSource("mark").setData(marked(point));
  }

  unmark() {
    this.#map.getSource("mark").setData({ type: "FeatureCollection", features: [] });
  }

  /** Shows these sectors whole. */
  frame(ids) {
    const bounds = extent(this.#data, ({ id }) => ids.includes(id));
    if (Number.isFinite(bounds[0][0])) this.#map.fitBounds(bounds, { padding: 24, animate: false });
  }

  /** Goes to a point; people who asked for less motion are there at once. */
  go({ lon, lat }) {
    this.#map.easeTo({ center: [lon, lat] });
  }

  /** Calls `then` with the position clicked on, and the id of its sector as it is drawn. */
  onClick(then) {
    this.#map.on("click", ({ lngLat, point }) => {
      const [found] = this.#map.queryRenderedFeatures(point, { layers: ["land"] });
      then({ lon: lngLat.lng, lat: lngLat.lat }, found?.properties.id ?? null);
    });
    this.#map.getCanvas().classList.add("map-clickable");
  }

  /** Calls `then` with the id of the sector under the pointer, null when it leaves. */
  onPoint(then) {
    this.#map.on("mousemove", "land", ({ features }) => then(features[0].properties.id));
    this.#map.on("mouseout", () => then(null));
  }

  /** Calls `then` with the middle of the map when Enter is pressed on it; of one that still glides, once it stands. */
  onEnter(then) {
    const taken = () => then(this.middle());
    this.#map.getCanvas().addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (this.#map.isMoving()) this.#map.once("moveend", taken);
      else taken();
    });
  }

  middle() {
    const { lng, lat } = this.#map.getCenter();
    return { lon: lng, lat };
  }

  /** Metres to a pixel in the middle of the map. */
  metresPerPixel() {
    const { lat } = this.#map.getCenter();
    return (40_075_016.7 * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** this.#map.getZoom());
  }

  /** Puts the labels over the map and keeps them in their places; the page says the same, so they are for the eye. */
  #label(canvas) {
    const layer = Object.assign(document.createElement("div"), { className: "map-labels", ariaHidden: "true" });
    for (const [id, { short, in_paris }] of this.sectors) {
      const label = Object.assign(document.createElement("span"), { className: in_paris ? "" : "around" });
      label.append(short, document.createElement("b"));
      layer.append(label);
      this.#labels.set(id, label);
    }
    canvas.querySelector(".maplibregl-canvas-container").after(layer);
    const put = () => {
      layer.classList.toggle("near", this.#map.getZoom() > LABELS_AROUND);
      for (const [id, label] of this.#labels) {
        const { x, y } = this.#map.project(this.sectors.get(id).centre);
        label.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
      }
    };
    this.#map.on("move", put);
    this.#map.on("resize", put);
    put();
  }

  #set(id, state) {
    this.#map.setFeatureState({ source: "sectors", id }, state);
  }
}

/** Whether a map can be drawn; with `{ failIfMajorPerformanceCaveat: true }`, whether by a graphics card. */
function canDraw(how) {
  try {
    const context = document.createElement("canvas").getContext("webgl2", how);
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return Boolean(context);
  } catch {
    return false;
  }
}

async function json(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return response.json();
}

/** Adds a stylesheet to the page, once; a page without a map need not have it. */
function stylesheet(file) {
  const href = here(file);
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return null;
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  return new Promise((resolve, reject) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", () => reject(new Error(`${file} did not come`)));
    document.head.append(link);
  });
}

/** South-west and north-east corners of what `counts`, widened by so many degrees. */
function extent({ features }, counts, margin = 0) {
  const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  const take = (part) => {
    if (typeof part[0] === "number") {
      for (const axis of [0, 1]) {
        low[axis] = Math.min(low[axis], part[axis] - margin);
        high[axis] = Math.max(high[axis], part[axis] + margin);
      }
    } else {
      part.forEach(take);
    }
  };
  for (const { properties, geometry } of features) if (counts(properties)) take(geometry.coordinates);
  return [low, high];
}
