// A school head in a corridor: the network goes in the middle of the form, the signal leaves once all the same, and
// whatever page is opened meanwhile says what became of it.
import assert from "node:assert/strict";
import { figure, inspect, journey, reloadUntil, shot, WIDTHS } from "../lib/journey.mjs";

const REFERENCE = /S-\d{4}-\d+/;

await journey(async (town) => {
  const session = await town.open("college-19");
  for (const width of WIDTHS) {
    const page = await town.page(session, width);
    await page.goto("/signaler");
    await inspect(page, "signaler");
  }

  const page = await town.page(session, 360);
  await page.goto("/signaler");
  const begun = Date.now();
  await offline(page, "Grave");
  await inspect(page, "signaler-sans-reseau");
  // It tried again in vain: seconds have passed since it was written.
  await page.locator("#envoi").filter({ hasText: /Nouvel essai dans (4|8|16|30) s/ }).waitFor();

  // The telephone is put away and the form opened again where there is a network: it leaves by itself.
  await page.close();
  await page.context().setOffline(false);
  const again = await page.context().newPage();
  await again.goto("/signaler");
  await again.waitForURL("**/signaler/*-*");
  figure("signal raised through a lost network, s", ((Date.now() - begun) / 1000).toFixed(1));
  const reference = await referenceOf(again);
  await kept(again, [reference], "what was answered stays on the telephone no longer");
  await reloadUntil(again, again.getByText("Rattaché à un événement suivi"));
  await inspect(again, "suivi");
  await again.getByRole("link", { name: "Faire un autre signalement" }).click();
  for (const width of WIDTHS) {
    await again.setViewportSize({ width, height: 900 });
    await said(again, new RegExp(`reçu depuis cet appareil : ${reference} \\(.+\\), (hier )?à \\d+\\sh`));
    await inspect(again, "signaler-dernier");
  }
  await again.getByRole("link", { name: reference }).click();

  await again.getByRole("button", { name: "C'est terminé" }).click();
  await again.getByText("Vous avez dit que c'est terminé").waitFor();
  await again.getByRole("link", { name: "Ajouter une précision" }).click();
  await again.getByLabel("Évoquées").check();
  await again.getByRole("button", { name: "Envoyer le signalement" }).click();
  await again.waitForURL("**/signaler/*-*");
  assert.notEqual(await referenceOf(again), reference, "a precision is a signal of its own");

  await besides(town, session);
  await takenOver(town, session);
  await unanswered(town, session);
  await anyOrder(town, session);
  await shared(town, session, await town.open("mairie-19"));
  await afar(town, session);
  await words(town, session);

  // By keyboard alone, from the top of the page to the answer.
  const keys = await town.page(session, 1440);
  await keys.goto("/signaler");
  for (let step = 0; step < 60; step += 1) {
    await keys.keyboard.press("Tab");
    if (await keys.evaluate(() => document.activeElement?.matches("form[data-keeps] button[type=submit]"))) break;
  }
  await keys.keyboard.press("Enter");
  await keys.waitForURL("**/signaler/*-*");

  // Without scripts the page says what was last received of the school, whatever sent it.
  const plain = await town.page(session, 360, { javaScriptEnabled: false });
  await plain.goto("/signaler");
  await said(plain, new RegExp(`reçu de votre établissement : ${await referenceOf(keys)} \\(.+\\), (hier )?à`));
  await shot(plain, "signaler-etablissement");
});

/** One page sends while a second is open, or is opened: the second says so, then what was received. */
async function besides(town, session) {
  const first = await town.page(session, 360);
  const before = await first.context().newPage();
  for (const page of [before, first]) await page.goto("/signaler");
  const held = await hold(first);
  await first.getByRole("button", { name: "Envoyer le signalement" }).click();
  await held.asked;
  await said(before, /attend dans une autre page/);
  const after = await first.context().newPage();
  await after.goto("/signaler");
  await said(after, /attend dans une autre page/);
  await inspect(after, "signaler-attend-ailleurs");
  held.release();
  await first.waitForURL("**/signaler/*-*");
  const reference = await referenceOf(first);
  for (const page of [before, after]) {
    await said(page, new RegExp(`reçu depuis cet appareil : ${reference}`));
    assert.equal(await page.getByText("attend dans une autre page").count(), 0);
    assert(page.url().endsWith("/signaler"), "its form is still free");
  }
  await after.getByRole("link", { name: reference }).click();
  await after.waitForURL(first.url());
}

/** The page whose signal waits is closed: the one that is open sends it, once there is a network. */
async function takenOver(town, session) {
  const first = await town.page(session, 360);
  const [idle, busy] = [await first.context().newPage(), await first.context().newPage()];
  for (const page of [busy, idle, first]) await page.goto("/signaler");
  // Somebody answers there: what is written is not replaced.
  await busy.getByLabel("Mortel", { exact: false }).check();
  await offline(first, "Grave");
  await said(idle, /attend dans une autre page/);
  await first.close();
  await idle.locator("#envoi").filter({ hasText: "Pas encore envoyé" }).waitFor();
  assert(await idle.getByLabel("Grave", { exact: false }).first().isChecked(), "it is the signal of the first");
  assert(await busy.getByLabel("Mortel", { exact: false }).isChecked());
  await idle.context().setOffline(false);
  await idle.waitForURL("**/signaler/*-*");
  await said(busy, new RegExp(`reçu depuis cet appareil : ${await referenceOf(idle)}`));
  assert(await busy.getByLabel("Mortel", { exact: false }).isChecked());
}

/** It was received and the answer lost: whoever takes it over is told of the same signal. */
async function unanswered(town, session) {
  const page = await town.page(session, 360);
  await page.goto("/signaler");
  const held = await hold(page, { lose: true });
  await page.getByRole("button", { name: "Envoyer le signalement" }).click();
  const { reference } = await held.asked;
  // The same page again, and then another.
  await page.goto("/signaler");
  await page.waitForURL("**/signaler/*-*");
  assert.equal(await referenceOf(page), reference);

  await page.goto("/signaler");
  const lost = await hold(page, { lose: true });
  await page.getByRole("button", { name: "Envoyer le signalement" }).click();
  const { reference: other } = await lost.asked;
  const second = await page.context().newPage();
  await second.goto("/signaler");
  await said(second, /attend dans une autre page/);
  await page.close();
  await second.waitForURL("**/signaler/*-*");
  assert.equal(await referenceOf(second), other);
}

/** The network is back and the form opened again at once, in another page or the same: whichever is first, it is said. */
async function anyOrder(town, session) {
  const known = new Set();
  const first = await town.page(session, 360);
  await first.goto("/signaler");
  await offline(first, "Grave");
  const second = await first.context().newPage();
  await first.context().setOffline(false);
  await second.goto("/signaler");
  await first.waitForURL("**/signaler/*-*");
  known.add(await referenceOf(first));
  await said(second, new RegExp(`reçu depuis cet appareil : ${[...known][0]}`));

  await second.reload();
  await offline(second, "Grave");
  await second.context().setOffline(false);
  // Its own way to the page that follows the signal may come in between.
  await second.goto("/signaler").catch(() => {});
  const found = await second.waitForFunction((known) => {
    const told = document.querySelectorAll("#appareil .good a, h1");
    const references = [...told].flatMap(({ textContent }) => textContent.match(/S-\d{4}-\d+/) ?? []);
    return references.find((reference) => !known.includes(reference));
  }, [...known]);
  assert.match(await found.jsonValue(), REFERENCE);
}

/** A telephone that two services use: neither sends, or is shown, what is the other's. */
async function shared(town, session, other) {
  const page = await town.page(session, 360);
  const context = page.context();
  await page.goto("/signaler");
  await offline(page, "Grave");
  await page.close();
  await context.setOffline(false);
  await context.clearCookies();
  await context.addCookies(other.cookies);
  const theirs = await context.newPage();
  await theirs.goto("/signaler");
  await said(theirs, /Un signalement d'un autre service attend sur cet appareil/);
  assert(await theirs.getByLabel("Tension", { exact: false }).first().isChecked(), "the form is blank");
  await shot(theirs, "signaler-autre-service");
  await context.clearCookies();
  await context.addCookies(session.cookies);
  await theirs.goto("/signaler");
  await theirs.waitForURL("**/signaler/*-*");
  const reference = await referenceOf(theirs);
  await context.clearCookies();
  await context.addCookies(other.cookies);
  await theirs.goto("/signaler");
  await theirs.getByRole("button", { name: "Envoyer le signalement" }).waitFor();
  assert.equal(await theirs.getByText(reference).count(), 0, "what one sent is not the other's to read");
}

/** A link like 3G, nothing kept from before: 400 kbit/s, 400 ms to and fro. */
async function afar(town, session) {
  const far = await town.page(session, 360);
  const cdp = await far.context().newCDPSession(far);
  await cdp.send("Network.enable");
  let heard = 0;
  cdp.on("Network.loadingFinished", ({ encodedDataLength }) => (heard += encodedDataLength));
  const bytesPerSecond = (400 * 1000) / 8;
  const link = { offline: false, latency: 400, downloadThroughput: bytesPerSecond, uploadThroughput: bytesPerSecond };
  await cdp.send("Network.emulateNetworkConditions", link);
  const asked = Date.now();
  await far.goto("/signaler");
  figure("form on a link like 3G, all of it", `${(Date.now() - asked) / 1000} s, ${(heard / 1024).toFixed(1)} kB`);
  assert(heard > 0 && heard < 50 * 1024, "the form is light");
  const sent = Date.now();
  await far.getByRole("button", { name: "Envoyer le signalement" }).click();
  await far.waitForURL("**/signaler/*-*");
  figure("signal sent on that link", `${(Date.now() - sent) / 1000} s`);
}

/** A name is noticed while it is being written, not only when it is sent. */
async function words(town, session) {
  const page = await town.page(session, 360);
  await page.goto("/signaler");
  await page.getByText("Préciser (facultatif)").click();
  await page.getByLabel("En quelques mots").fill("Rendez-vous devant le square, avec Karim Benali");
  await page.locator("#relecture", { hasText: "nom de personne" }).waitFor();
  await inspect(page, "signaler-nom");
  await page.getByLabel("En quelques mots").fill("Rendez-vous devant le square");
  await page.locator("#relecture:empty").waitFor({ state: "attached" });
}

/** Answers `level` and sends it without a network. */
async function offline(page, level) {
  await page.getByLabel(level, { exact: false }).first().check();
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Envoyer le signalement" }).click();
  await page.locator("#envoi").filter({ hasText: "Pas encore envoyé : pas de réseau" }).waitFor();
}

/**
 * Keeps the next signal of `page` from being answered: until released, or for good when it is to be lost after it was
 * received. `asked` resolves once it is on its way, or to what its answer would have been.
 */
async function hold(page, { lose = false } = {}) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  let asked;
  const onItsWay = new Promise((resolve) => (asked = resolve));
  const only = { times: 1 };
  await page.route(
    "**/signaler",
    async (route) => {
      if (lose) return asked(await (await route.fetch()).json());
      asked();
      await released;
      await route.continue();
    },
    only,
  );
  return { asked: onItsWay, release };
}

/** Waits until the page says so of what this device sent or holds. */
function said(page, text) {
  return page.locator("#appareil p", { hasText: text }).waitFor();
}

async function referenceOf(page) {
  const title = page.locator("h1", { hasText: REFERENCE });
  await title.waitFor();
  return (await title.textContent()).match(REFERENCE)[0];
}

/** What stays on the device is what was received, of `references`, and none of the answers. */
async function kept(page, references, why) {
  const stored = await page.evaluate(() => Object.entries(localStorage));
  assert.deepEqual(stored.map(([name]) => name), ["vigie-dernier"], why);
  const last = JSON.parse(stored[0][1]);
  assert.deepEqual(Object.keys(last).sort(), ["follow", "key", "kind", "received_at", "reference", "source", "time"], why);
  assert(references.includes(last.reference));
}
