// The form without a network: it keeps what was answered, tries again with the same key, and says plainly what was sent.
// Without this file the form is posted by the browser as ever.
//
// Several pages of one device share what it keeps. Each signal that could not leave yet is kept under its own key, and
// the page that holds the lock of that key sends it: when that page goes, another takes the signal over. What was last
// received is kept too (reference, kind and hour, nothing anybody wrote), so that no page leaves anybody without a word.
// A browser without locks may send a signal from two pages: the key makes them one.

/** One item a signal, the form's key after it. */
const KEPT = "vigie-signalement:";
const KEPT_BEFORE = "vigie-signalement";
const LAST = "vigie-dernier";
const KEPT_FOR_MS = 24 * 3600 * 1000;
/** Kept longer than this, a signal is not sent by itself: much may have happened since. */
const SENT_BY_ITSELF_MS = 15 * 60 * 1000;
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30000;
const PATIENCE_MS = 15000;
const LOCK_MS = 500;
/** A pause in writing: time to read over what is written. */
const THOUGHT_MS = 700;

const form = document.querySelector("form[data-keeps]");
const told = document.querySelector("#envoi");
const device = document.querySelector("#appareil");
/** What the server says was last received of this source. */
const ofSource = device?.firstElementChild;
/** Whose form this is: what another source left on the device is neither shown nor sent here. */
const source = device?.dataset.source;
let pause = FIRST_PAUSE_MS;
let waiting = 0;
let sending = false;
/** Somebody answers, or a kept signal stands in the form: no other is put in its place. */
let taken = false;
/** Resolves once this page holds the lock of the signal in its form. */
let held;
/** Keys whose signal another page sends, as far as this page knows. */
const elsewhere = new Set();

/** Name and value of every answer, in order. */
function answers() {
  return [...new FormData(form)].map(([name, value]) => [name, String(value)]);
}

/** What stands under `name`, if it is not too old; free text must not lie about on a telephone. */
function read(name, time) {
  try {
    const found = JSON.parse(localStorage.getItem(name) ?? "null");
    if (found && Date.now() - time(found) < KEPT_FOR_MS) return found;
  } catch {
    // Whatever stands there is not ours.
  }
  localStorage.removeItem(name);
  return null;
}

/** Keeps the answers as of when they were first sent. */
function keep(fields) {
  const kept = { at: Date.parse(form.elements.written_at.value), source, fields };
  try {
    localStorage.setItem(KEPT + form.elements.key.value, JSON.stringify(kept));
  } catch {
    // No room to keep it is no reason not to send it.
  }
}

/** Every signal kept on this device, oldest first. */
function allKept() {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(KEPT));
  const found = names.map((name) => ({ key: name.slice(KEPT.length), ...read(name, ({ at }) => at) }));
  return found.filter(({ fields }) => fields).sort((a, b) => a.at - b.at);
}

/** The version before kept one signal, and did not say whose it was: it was sent by whoever opened the form next. */
function bringAlong() {
  const found = read(KEPT_BEFORE, ({ at }) => at);
  const key = found?.fields.find(([name]) => name === "key")?.[1];
  if (key) localStorage.setItem(KEPT + key, JSON.stringify({ ...found, source }));
  localStorage.removeItem(KEPT_BEFORE);
}

function own() {
  return allKept().filter((kept) => kept.source === source);
}

function lastReceived() {
  const last = read(LAST, ({ received_at }) => Date.parse(received_at));
  return last?.source === source ? last : null;
}

/** Resolves to what releases the lock of `key` once this page holds it; to nothing when it may not wait and has to. */
function hold(key, options = {}) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve) => {
    const whole = (lock) => lock && new Promise((release) => resolve(release));
    navigator.locks.request(KEPT + key, options, whole).then(
      () => resolve(null),
      () => resolve(() => {}),
    );
  });
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

/** Takes over what no page sends any more, as long as the form is free for it; whatever the others send is watched. */
async function takeOver() {
  for (const { key } of own()) {
    if (elsewhere.has(key) || key === form.elements.key.value) continue;
    const release = await hold(key, { ifAvailable: true });
    if (release) {
      resume(key, release);
    } else {
      elsewhere.add(key);
      hold(key).then((release) => {
        elsewhere.delete(key);
        resume(key, release);
        tell();
      });
    }
  }
  tell();
}

/** Puts the signal `key`, whose lock is held, in the form; not when it has left meanwhile, or the form is in use. */
function resume(key, release) {
  const found = own().find((kept) => kept.key === key);
  if (!found || taken) return release();
  taken = true;
  held = Promise.resolve(release);
  restore(found.fields);
  showFacts();
  if (Date.now() - found.at < SENT_BY_ITSELF_MS) {
    send("Un signalement n'avait pas pu partir : il est repris ici. ");
  } else {
    const when = new Date(found.at).toLocaleString("fr-FR", { dateStyle: "long", timeStyle: "short" });
    say(`Un signalement du ${when} n'avait pas pu partir. Relisez-le, puis envoyez-le s'il vaut encore.`, "warn");
  }
}

function say(text, state) {
  told.hidden = false;
  told.className = `note ${state}`;
  told.querySelector("p").textContent = text;
}

/** Says what this device last sent, and what it still holds besides this form. */
function tell() {
  const mine = form.elements.key.value;
  const kept = allKept().filter(({ key }) => key !== mine);
  const lines = [];
  if (kept.some((found) => elsewhere.has(found.key))) {
    lines.push(line("Un signalement attend dans une autre page de cet appareil : il part dès que possible.", "warn"));
  }
  if (kept.some((found) => found.source === source && !elsewhere.has(found.key))) {
    lines.push(line("Un autre signalement attend sur cet appareil : ", "warn", "/signaler", "le reprendre", "."));
  }
  if (kept.some((found) => found.source !== source)) {
    lines.push(
      line("Un signalement d'un autre service attend sur cet appareil : il sera repris avec son lien personnel.", "warn"),
    );
  }
  // Above a list of what is to be corrected it could be taken for the answer.
  if ("blank" in form.dataset) {
    const last = lastReceived();
    if (last) {
      const { reference, kind, time, follow, received_at } = last;
      const said = ` (${kind}), ${dayOf(received_at)}à ${time}.`;
      lines.push(line("Dernier signalement reçu depuis cet appareil : ", "good", follow, reference, said));
    }
    if (ofSource && ofSource.dataset.reference !== last?.reference) lines.push(ofSource);
  }
  // The same words again would be read out again.
  if (lines.map((told) => told.textContent).join("") !== device.textContent) device.replaceChildren(...lines);
}

function line(text, state, href, label, after = "") {
  const told = document.createElement("p");
  told.className = `note ${state}`;
  told.append(text);
  if (href) {
    const link = document.createElement("a");
    link.href = href;
    link.textContent = label;
    told.append(link, after);
  }
  return told;
}

/** Nothing for today; what is told is never older than yesterday. */
function dayOf(at) {
  const day = (date) => date.toLocaleDateString("fr-FR", { timeZone: device.dataset.zone });
  return day(new Date(at)) === day(new Date()) ? "" : "hier ";
}

/** Seconds, as they are counted down. */
function later(why) {
  // Sent by itself, nobody is shown what was understood of the place: the server takes one that is beyond doubt.
  if (form.elements.unseen) form.elements.unseen.value = "1";
  const seconds = Math.round(pause / 1000);
  say(
    `Pas encore envoyé : ${why}. Vos réponses sont gardées sur ce téléphone. Nouvel essai dans ${seconds} s. ` +
      "Si la situation presse, appelez le 17.",
    "warn",
  );
  clearTimeout(waiting);
  waiting = setTimeout(send, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
}

async function send(before = "") {
  if (sending) return;
  sending = taken = true;
  clearTimeout(waiting);
  waiting = 0;
  // "Now" is when it was first sent, however late it gets through; the same at every attempt, as its key is.
  form.elements.written_at.value ||= new Date().toISOString();
  const fields = answers();
  keep(fields);
  say(`${before}Envoi en cours…`, "");
  form.querySelector("button[type=submit]").setAttribute("aria-busy", "true");
  // A page that holds it all the same sends the same signal: no reason to wait for long.
  await Promise.race([held, new Promise((go) => setTimeout(go, LOCK_MS))]);
  let response;
  let receipt;
  try {
    response = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json, text/html" },
      body: new URLSearchParams(fields),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.status === 202) receipt = await response.json();
  } catch {
    return later("pas de réseau");
  } finally {
    sending = false;
    form.querySelector("button[type=submit]").removeAttribute("aria-busy");
  }
  if (receipt) return received(receipt);
  if (response.status === 429) return later("trop de signalements en peu de temps");
  // Below 400 is no answer of Vigie's: somebody stands between.
  if (response.status < 400 || response.status >= 500) return later("Vigie ne répond pas");
  // Without a session nothing was read: what was answered waits for the next one.
  if (response.status !== 401) localStorage.removeItem(KEPT + form.elements.key.value);
  // Something is to be corrected, or the session has ended: the browser shows the page that says so.
  form.submit();
}

/** It is durable. What is kept of it says so to every page of this device, should this one not get to the next. */
function received(receipt) {
  const key = form.elements.key.value;
  try {
    localStorage.setItem(LAST, JSON.stringify({ ...receipt, key, source }));
  } catch {
    // The page that opens says it.
  }
  localStorage.removeItem(KEPT + key);
  leave(receipt.follow);
}

function leave(follow) {
  sending = true;
  clearTimeout(waiting);
  say("Reçu. Ouverture du suivi…", "good");
  tell();
  // Coming back to this page, nobody finds the old answers in it.
  form.reset();
  form.elements.written_at.value = "";
  location.assign(follow);
}

/** Another page of this device has kept, sent or lost something. */
function heard({ key: name }) {
  if (name !== null && name !== LAST && !name.startsWith(KEPT)) return;
  const last = lastReceived();
  // Both pages had the same signal: the other one got it through.
  if (taken && !sending && last?.key === form.elements.key.value) return leave(last.follow);
  takeOver();
}

function locate(event) {
  const button = event.currentTarget;
  const said = document.querySelector("#position-dite");
  said.textContent = "Recherche de votre position…";
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      form.elements.point.value = `${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)}`;
      form.elements.accuracy.value = String(Math.round(coords.accuracy));
      form.elements.point.dispatchEvent(new Event("point"));
      said.textContent = `Position trouvée, à ${Math.round(coords.accuracy)} m près.`;
      button.focus();
    },
    () => {
      said.textContent = "Position introuvable : indiquez une adresse, une station ou des coordonnées.";
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

if (form && told && device) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    pause = FIRST_PAUSE_MS;
    send();
  });
  addEventListener("online", () => waiting && send());
  // A page shown again as it was left has a key that was used.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  addEventListener("storage", heard);
  form.addEventListener("input", () => {
    taken = true;
  });
  // What is answered already stays, whatever waits.
  taken = !("blank" in form.dataset);
  held = hold(form.elements.key.value);
  bringAlong();
  takeOver();
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
