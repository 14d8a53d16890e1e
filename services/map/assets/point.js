// A point chosen on a map, for a form that has the fields `point` and `accuracy`. Nothing of the map is loaded before
// somebody asks for it; without this file the fields are filled as ever.
import { place, say } from "./place.js";

/** A finger, or a pointer on a small map, is this exact, pixels. */
const FINGER_PX = 12;
const EXACT_M = 5;

const choice = document.querySelector("[data-point-choice]");
const button = choice?.querySelector("button");
const fields = choice?.closest("form").elements;

if (choice) {
  choice.hidden = false;
  button.addEventListener("click", begin);
}

/** Numbers of the choice's `data-` attributes; undefined where there are none. */
function given() {
  const number = (text) => (text === undefined ? undefined : Number(text));
  const { lon, lat, zoom, within } = choice.dataset;
  return { lon: number(lon), lat: number(lat), zoom: number(zoom), within: number(within) };
}

async function begin() {
  button.disabled = true;
  const shown = choice.querySelector(".map-place");
  shown.hidden = false;
  const instead = "Donnez plutôt une adresse, une station ou des coordonnées.";
  tell("");
  const { open } = await import("./map.js").catch(() => ({}));
  const map = await open?.(shown, { ...given(), schools: true, instead });
  // Without a network for the moment, one may ask again.
  button.disabled = false;
  button.hidden = Boolean(map);
  if (!open) tell(`La carte n'a pas pu être chargée. ${instead}`);
  if (!map) return;
  shown.append(Object.assign(document.createElement("span"), { className: "map-cross" }));
  tell("Touchez la carte, ou amenez la croix avec les flèches et appuyez sur Entrée.");
  const middle = choice.querySelector(".map-middle");
  middle.hidden = false;
  middle.addEventListener("click", () => set(map, map.middle()));
  // A place found by its name is shown where it is.
  fields.point.addEventListener("place", ({ detail: { lon, lat, accuracy_m } }) => {
    map.mark({ lon, lat, accuracy_m });
    map.go({ lon, lat });
  });
  map.onClick((at) => set(map, at));
  map.onEnter((at) => set(map, at));
  // A point that was already given is where one goes on from.
  const known = fields.point.value.split(",").map(Number);
  if (known.length === 2 && known.every(Number.isFinite)) {
    const at = { lat: known[0], lon: known[1] };
    map.mark({ ...at, accuracy_m: Number(fields.accuracy.value) || 0 });
    map.go(at);
  }
  shown.querySelector("canvas").focus();
}

/** Puts the point there: in the form at once, in words when the server has said whose it is. */
async function set(map, { lon, lat }) {
  const accuracy_m = Math.max(EXACT_M, Math.round(map.metresPerPixel() * FINGER_PX));
  fields.point.value = `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
  fields.accuracy.value = String(accuracy_m);
  fields.point.dispatchEvent(new Event("point"));
  map.mark({ lon, lat, accuracy_m });
  map.go({ lon, lat });
  tell("Point posé.");
  const put = fields.point.value;
  const found = await place({ lon, lat, accuracy_m });
  // Another one was chosen meanwhile.
  if (fields.point.value !== put) return;
  tell(`Point posé : ${say(found, accuracy_m)}${tooFar({ lon, lat })}`);
}

/** Whoever reports from a school may not do so from everywhere: better said now than when the form is sent. */
function tooFar(at) {
  const { lon, lat, within } = given();
  if (within === undefined) return "";
  const metre = Math.PI / 180 * 6_371_000;
  const metres = Math.hypot((at.lat - lat) * metre, (at.lon - lon) * metre * Math.cos((lat * Math.PI) / 180));
  return metres > within ? ` Trop loin : signalez à moins de ${within} m de votre établissement.` : "";
}

function tell(text) {
  choice.querySelector("[role=status]").textContent = text;
}
