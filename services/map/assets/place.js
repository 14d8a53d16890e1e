// The place of a position, by the exact borders: asked of the server, and in words.

/** What the server says of a position: a place, `{ fault }` where there is none, null when it did not answer. */
export async function place({ lon, lat, accuracy_m }) {
  // Whatever is concerned is to be named, so the same radius for both.
  const radius = Math.min(accuracy_m, 5_000);
  const query = new URLSearchParams({ lon, lat, accuracy_m: radius, reach_m: radius });
  try {
    const response = await fetch(`/api/v1/territory/place?${query}`);
    const answer = await response.json();
    if (response.ok) return answer;
    return response.status === 422 ? { fault: answer.faults[0].message } : null;
  } catch {
    return null;
  }
}

/** `19e arrondissement, à 25 m près. Concerne aussi Aubervilliers (93).` */
export function say(found, accuracy_m) {
  if (!found) return "secteur inconnu, le serveur ne répond pas.";
  if (found.fault) return found.fault;
  const labels = new Map(found.neighbours.map(({ sector, label }) => [sector, label]));
  const others = found.concerned.slice(1).map((id) => labels.get(id) ?? id);
  const also = others.length ? ` Concerne aussi ${others.join(", ")}.` : "";
  return `${found.label}, à ${accuracy_m} m près.${also}`;
}
