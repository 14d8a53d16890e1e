// The territory on the administration's page: a sector or a point clicked on is what the page then tells of. The page
// itself answers, as it does without scripts.
import { open } from "./map.js";

const shown = document.querySelector("[data-territory]");
const ANSWER = "answer";

const map = await open(shown, { schools: true, instead: "La liste des secteurs et la recherche d'un point restent là." });
if (map) {
  const form = document.querySelector("form[data-ask]");
  const put = ({ lon, lat }) => {
    form.elements.point.value = `${lon.toFixed(6)} ${lat.toFixed(6)}`;
    form.requestSubmit();
  };
  map.onClick(put);
  map.onEnter(put);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(`?${new URLSearchParams(new FormData(form))}`);
  });
  form.addEventListener("place", () => form.requestSubmit());
  for (const link of document.querySelectorAll("a[data-sector]")) {
    link.addEventListener("pointerenter", () => map.light([link.dataset.sector]));
    link.addEventListener("focus", () => map.light([link.dataset.sector]));
  }
  show();
}

/** Replaces what the page answers with what it answers to `query`. */
async function ask(query) {
  const address = location.pathname + query;
  const response = await fetch(address, { cache: "no-store" }).catch(() => null);
  // A fault of what was asked is told like any answer; anything else by the page itself.
  if (!response?.ok && response?.status !== 422) return location.assign(address);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(ANSWER);
  document.getElementById(ANSWER).replaceWith(fresh);
  history.replaceState(null, "", query);
  show();
}

/** Shows on the map what the page tells of. */
function show() {
  const { sector, lon, lat } = document.getElementById(ANSWER).dataset;
  map.choose(sector);
  const accuracy_m = Number(document.querySelector("form[data-ask]").elements.precision.value || 25);
  if (lon) map.mark({ lon: Number(lon), lat: Number(lat), accuracy_m });
  else map.unmark();
}
