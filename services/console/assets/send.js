// Forms that speak to the API: a form with `data-send` is sent there as JSON, and says what became of it. What stands
// in `data-plain` is for those without scripts.
//
// One key a form until it is taken: pressing twice, or again after a lost connection, sends once.

for (const form of document.querySelectorAll("form[data-send]")) {
  let key = fresh();
  const said = form.querySelector(".said");
  const button = form.querySelector("button");
  button.hidden = false;
  for (const other of form.querySelectorAll("[data-plain]")) other.hidden = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    said.textContent = "Envoi…";
    try {
      const response = await fetch(form.dataset.send, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        body: JSON.stringify(fields(form)),
      });
      const answer = await response.json().catch(() => ({}));
      if (response.ok) {
        said.textContent = `${form.dataset.done} ${answer.reference ?? ""}`.trim();
        key = fresh();
      } else {
        const faults = (answer.faults ?? []).map((fault) => fault.message);
        said.textContent = [answer.detail ?? answer.title ?? "Refusé.", ...faults].join(" ");
      }
    } catch {
      said.textContent = "Pas encore envoyé : le serveur ne répond pas. Recommencez, rien ne partira deux fois.";
    }
    button.disabled = false;
  });
}

/** A key nobody else has; `randomUUID` only exists over HTTPS and on this machine. */
function fresh() {
  return crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join("-");
}

/** `a.b` is a field within a field; `data-ago` is so many minutes before now, `data-json` is JSON, a ticked
 *  box is true. */
function fields(form) {
  const body = {};
  for (const element of form.elements) {
    if (!element.name || element.value === "" || (element.type === "checkbox" && !element.checked)) continue;
    const path = element.name.split(".");
    const last = path.pop();
    const holder = path.reduce((inner, name) => (inner[name] ??= {}), body);
    const ago = "ago" in element.dataset;
    const plain = "json" in element.dataset ? JSON.parse(element.value) : element.value;
    const value = element.type === "checkbox" ? true : plain;
    holder[last] = ago ? new Date(Date.now() - value * 60_000).toISOString() : value;
  }
  return body;
}
