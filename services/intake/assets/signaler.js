// The form without a network: it keeps what was answered, tries again with the same key, and says plainly what was sent.
// Without this file the form is posted by the browser as ever.

const KEPT = "vigie-signalement";
const KEPT_FOR_MS = 24 * 3600 * 1000;
/** Kept longer than this, a signal is not sent by itself: much may have happened since. */
const SENT_BY_ITSELF_MS = 15 * 60 * 1000;
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30000;
const PATIENCE_MS = 15000;
/** A pause in writing: time to read over what is written. */
const THOUGHT_MS = 700;

const form = document.querySelector("form[data-keeps]");
const told = document.querySelector("#envoi");
let pause = FIRST_PAUSE_MS;
let waiting;

/** Name and value of every answer, in order. */
function answers() {
  return [...new FormData(form)].map(([name, value]) => [name, String(value)]);
}

/** Keeps the answers as of when they were first sent. */
function keep(fields) {
  localStorage.setItem(KEPT, JSON.stringify({ at: Date.parse(form.elements.written_at.value), fields }));
}

/** What is kept and not too old; free text must not lie about on a telephone. */
function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "null");
    if (found && Date.now() - found.at < KEPT_FOR_MS) return found;
  } catch {
    // Whatever stands there is not ours.
  }
  forget();
  return null;
}

function forget() {
  localStorage.removeItem(KEPT);
}

/** Fills the form with kept answers, the key among them: a signal that came through before is not raised twice. */
function restore(fields) {
  for (const element of form.elements) {
    if (element.type === "radio" || element.type === "checkbox") {
      element.checked = fields.some(([name, value]) => name === element.name && value === element.value);
    } else if (element.name) {
      const found = fields.find(([name]) => name === element.name);
      if (found) element.value = found[1];
    }
  }
}

function say(text, state) {
  told.hidden = false;
  told.className = `note ${state}`;
  told.querySelector("p").textContent = text;
}

/** Seconds, as they are counted down. */
function later() {
  const seconds = Math.round(pause / 1000);
  say(
    `Pas encore envoyé : pas de réseau. Vos réponses sont gardées sur ce téléphone. Nouvel essai dans ${seconds} s. ` +
      "Si la situation presse, appelez le 17.",
    "warn",
  );
  clearTimeout(waiting);
  waiting = setTimeout(send, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
}

async function send() {
  clearTimeout(waiting);
  // "Now" is when it was first sent, however late it gets through; the same at every attempt, as its key is.
  form.elements.written_at.value ||= new Date().toISOString();
  const fields = answers();
  keep(fields);
  say("Envoi en cours…", "");
  form.querySelector("button[type=submit]").setAttribute("aria-busy", "true");
  let response;
  try {
    response = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(fields),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    return later();
  } finally {
    form.querySelector("button[type=submit]").removeAttribute("aria-busy");
  }
  if (response.status >= 500 || response.status === 429) return later();
  // Without a session nothing was read: what was answered waits for the next one.
  if (response.status !== 401) forget();
  if (response.redirected && response.ok) {
    say("Reçu. Ouverture du suivi…", "good");
    location.assign(response.url);
  } else {
    // Something is to be corrected, or the session has ended: the browser shows the page that says so.
    form.submit();
  }
}

function locate(event) {
  const button = event.currentTarget;
  const said = document.querySelector("#position-dite");
  said.textContent = "Recherche de votre position…";
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      form.elements.point.value = `${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)}`;
      form.elements.accuracy.value = String(Math.round(coords.accuracy));
      said.textContent = `Position trouvée, à ${Math.round(coords.accuracy)} m près.`;
      button.focus();
    },
    () => {
      said.textContent = "Position introuvable : indiquez une adresse d'établissement ou des coordonnées.";
    },
    { enableHighAccuracy: true, timeout: 10000, maximumAge: 60000 },
  );
}

/** Only the facts of the kind chosen; opened when that kind wants one. */
function showFacts() {
  const kind = form.querySelector("[name=kind]:checked")?.value;
  for (const box of form.querySelectorAll("[data-kinds]")) {
    const fits = !kind || box.dataset.kinds.split(" ").includes(kind);
    box.closest("label").hidden = !fits;
    if (!fits) box.checked = false;
  }
  const details = form.querySelector("[data-wanted-by]");
  if (details.dataset.wantedBy.split(" ").includes(kind)) details.open = true;
}

/** Says at once when what is being written seems to name somebody; the server, which knows how to tell, reads it over. */
function readOver(field) {
  const said = document.querySelector("#relecture");
  let pending;
  let last = "";
  field.addEventListener("input", () => {
    clearTimeout(pending);
    pending = setTimeout(async () => {
      const summary = field.value.trim();
      if (summary === last) return;
      last = summary;
      try {
        const body = new URLSearchParams({ summary });
        const response = summary && (await fetch("/signaler/relecture", { method: "POST", body }));
        const doubts = response && response.ok ? await response.json() : [];
        if (last === summary) said.textContent = doubts.join(" ");
      } catch {
        // Without a network nothing is said now: what is sent is read over all the same.
        last = "";
      }
    }, THOUGHT_MS);
  });
}

if (form && told) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    pause = FIRST_PAUSE_MS;
    send();
  });
  addEventListener("online", () => waiting && send());
  const found = kept();
  if (found) {
    restore(found.fields);
    if (Date.now() - found.at < SENT_BY_ITSELF_MS) {
      say("Un signalement n'avait pas pu partir : il est repris ici.", "warn");
      send();
    } else {
      const when = new Date(found.at).toLocaleString("fr-FR", { dateStyle: "long", timeStyle: "short" });
      say(`Un signalement du ${when} n'avait pas pu partir. Relisez-le, puis envoyez-le s'il vaut encore.`, "warn");
    }
  }
  const button = document.querySelector("#ma-position");
  if (button && "geolocation" in navigator) {
    button.hidden = false;
    button.addEventListener("click", locate);
  }
  form.addEventListener("change", ({ target }) => target.name === "kind" && showFacts());
  showFacts();
  if (form.elements.summary) readOver(form.elements.summary);
  // Typed by hand, a point is as exact as its author says nothing.
  form.elements.point?.addEventListener("input", () => {
    form.elements.accuracy.value = "";
  });
}
