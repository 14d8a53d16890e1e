// A school head in a corridor: the network goes in the middle of the form, the signal leaves once all the same.
import assert from "node:assert/strict";
import { figure, inspect, journey, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const session = await town.open("college-19");
  for (const width of WIDTHS) {
    const page = await town.page(session, width);
    await page.goto("/signaler");
    await inspect(page, "signaler");
  }

  const page = await town.page(session, 360);
  const begun = Date.now();
  await page.goto("/signaler");
  await page.getByLabel("Grave", { exact: false }).first().check();
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Envoyer le signalement" }).click();
  const told = page.locator("#envoi");
  await told.filter({ hasText: "Pas encore envoyé" }).waitFor();
  await inspect(page, "signaler-sans-reseau");
  // It tried again in vain: seconds have passed since it was written.
  await told.filter({ hasText: /Nouvel essai dans (4|8|16|30) s/ }).waitFor();

  // The telephone is put away and the page opened again: what was answered is still there.
  await page.context().setOffline(false);
  await page.goto("/signaler");
  await page.waitForURL("**/signaler/*-*");
  figure("signal raised through a lost network, s", ((Date.now() - begun) / 1000).toFixed(1));
  assert.equal(await page.evaluate(() => localStorage.length), 0, "nothing of it stays on the telephone");
  const reference = await page.locator("h1").textContent();
  assert.match(reference, /S-\d{4}-\d+/);
  await page.reload();
  await page.locator("text=Rattaché à un événement suivi").waitFor();
  await inspect(page, "suivi");

  await page.getByRole("button", { name: "C'est terminé" }).click();
  await page.locator("text=Vous avez dit que c'est terminé").waitFor();
  await page.getByRole("link", { name: "Ajouter une précision" }).click();
  await page.getByLabel("Évoquées").check();
  await page.getByRole("button", { name: "Envoyer le signalement" }).click();
  await page.waitForURL("**/signaler/*-*");
  assert.notEqual(await page.locator("h1").textContent(), reference, "a precision is a signal of its own");

  // A link like 3G, nothing kept from before: 400 kbit/s, 400 ms to and fro.
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

  // A name is noticed while it is being written, not only when it is sent.
  const words = await town.page(session, 360);
  await words.goto("/signaler");
  await words.getByText("Préciser (facultatif)").click();
  await words.getByLabel("En quelques mots").fill("Rendez-vous devant le square, avec Karim Benali");
  await words.locator("#relecture", { hasText: "nom de personne" }).waitFor();
  await inspect(words, "signaler-nom");
  await words.getByLabel("En quelques mots").fill("Rendez-vous devant le square");
  await words.locator("#relecture:empty").waitFor({ state: "attached" });

  // By keyboard alone, from the top of the page to the answer.
  const keys = await town.page(session, 1440);
  await keys.goto("/signaler");
  for (let step = 0; step < 60; step += 1) {
    await keys.keyboard.press("Tab");
    if (await keys.evaluate(() => document.activeElement?.matches("form[data-keeps] button[type=submit]"))) break;
  }
  await keys.keyboard.press("Enter");
  await keys.waitForURL("**/signaler/*-*");
});
