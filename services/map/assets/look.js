// How a map looks: its layers, with the colours of the stylesheet.

/** Levels from nothing to the gravest; each has its colour in map.css. */
export const LEVELS = ["drill", "watch", "tension", "serious", "fatal"];

/** Names of schools, in a font of the reader's own machine: no server of glyphs is needed. */
const NAMES = {
  "text-field": ["get", "name"],
  "text-font": ["sans-serif"],
  "text-size": 12,
  "text-anchor": "top",
  "text-offset": [0, 0.6],
  "text-max-width": 9,
};

/** The colours in force for `element`, by name. */
export function colours(element) {
  const style = getComputedStyle(element);
  const names = ["land", "around", "border", "label", "halo", "lit", "chosen", "school", "mark", ...LEVELS];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--map-${name}`).trim()]));
}

const state = (name) => ["to-boolean", ["feature-state", name]];
const whether = (name, then, otherwise) => ["case", state(name), then, otherwise];
const empty = { type: "FeatureCollection", features: [] };
/** The style of a map of `data` (sectors), `schools` (or none) over `tiles` (or none), with a circle at `limit`. */
export function style({ data, schools, tiles, limit, colour }) {
  const under = tiles.tiles.length > 0;
  return {
    version: 8,
    sources: {
      ...(under && { tiles: { type: "raster", tiles: tiles.tiles, tileSize: 256, maxzoom: 19 } }),
      sectors: { type: "geojson", data, promoteId: "id" },
      schools: { type: "geojson", data: schools ?? empty },
      limit: { type: "geojson", data: limit ? marked(limit) : empty },
      mark: { type: "geojson", data: empty },
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colour.around } },
      ...(under ? [{ id: "tiles", type: "raster", source: "tiles" }] : []),
      { id: "land", type: "fill", source: "sectors" },
      { id: "state", type: "fill", source: "sectors" },
      { id: "border", type: "line", source: "sectors" },
      { id: "lit", type: "line", source: "sectors", layout: { "line-join": "round" } },
      { id: "limit", type: "line", source: "limit" },
      { id: "schools", type: "circle", source: "schools" },
      { id: "near", type: "fill", source: "mark", filter: ["==", ["geometry-type"], "Polygon"] },
      { id: "mark", type: "circle", source: "mark", filter: ["==", ["geometry-type"], "Point"] },
      { id: "names", type: "symbol", source: "schools", minzoom: 14.5, layout: NAMES },
    ].map((layer) => ({ ...layer, paint: paints(colour, under)[layer.id] ?? {} })),
  };
}

/** What every layer is painted with. */
function paints(colour, under) {
  const level = LEVELS.flatMap((name) => [name, colour[name]]);
  const inside = ["get", "in_paris"];
  return {
    ground: { "background-color": colour.around },
    land: { "fill-color": ["case", inside, colour.land, colour.around], "fill-opacity": under ? 0 : 1 },
    state: {
      "fill-color": ["match", ["coalesce", ["feature-state", "level"], ""], ...level, "rgba(0, 0, 0, 0)"],
      "fill-opacity": whether("quiet", 0.3, 0.75),
    },
    border: { "line-color": colour.border, "line-width": ["case", inside, 1.2, 0.6] },
    lit: {
      "line-color": whether("chosen", colour.chosen, colour.lit),
      "line-width": ["case", ["any", state("chosen"), state("lit")], 4, 0],
    },
    schools: {
      "circle-color": colour.school,
      "circle-stroke-color": colour.halo,
      "circle-stroke-width": 1,
      "circle-radius": ["interpolate", ["linear"], ["zoom"], 11, 1.5, 14, 4, 17, 8],
    },
    limit: { "line-color": colour.chosen, "line-width": 2, "line-dasharray": [3, 2] },
    near: { "fill-color": colour.mark, "fill-opacity": 0.2 },
    mark: { "circle-color": colour.mark, "circle-radius": 8, "circle-stroke-color": colour.halo, "circle-stroke-width": 3 },
    names: { "text-color": colour.label, "text-halo-color": colour.halo, "text-halo-width": 1.6 },
  };
}

/** A point with the circle within which it is known, as features. */
export function marked({ lon, lat, accuracy_m }) {
  const metre = 1 / 111_320;
  const ring = Array.from({ length: 49 }, (_, step) => {
    const angle = (step / 48) * 2 * Math.PI;
    const east = (Math.cos(angle) * accuracy_m * metre) / Math.cos((lat * Math.PI) / 180);
    return [lon + east, lat + Math.sin(angle) * accuracy_m * metre];
  });
  const feature = (type, coordinates) => ({ type: "Feature", properties: {}, geometry: { type, coordinates } });
  const around = accuracy_m > 0 ? [feature("Polygon", [ring])] : [];
  return { type: "FeatureCollection", features: [...around, feature("Point", [lon, lat])] };
}
