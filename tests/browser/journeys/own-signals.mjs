// A head at 360 px, by keyboard: raises a signal by a place's name, sees what was understood, and finds what becomes of it
// under « Mes signalements », with a network and without. The same field of places on the other pages that have one.
import assert from "node:assert/strict";
import { inspect, journey, shot, tabTo, WIDTHS } from "../lib/journey.mjs";

const OWN = "/signaler/mes-signalements";

await journey(async (town) => {
  const head = await town.open("college-19");
  for (const width of WIDTHS) {
    const page = await town.page(head, width);
    await page.goto(OWN);
    await page.getByText("Vous n'avez encore rien signalé").waitFor();
    await inspect(page, "own-none");
  }
  const page = await town.page(head, 360);
  const reference = await raised(page);
  const incident = await followed(page, reference, await acting(town, await town.open("commissariat-19")));
  await ended(page, reference, incident);
  await lost(page);
  await withoutNetwork(town, head);
  await plain(town, head, reference);
  await elsewhere(town, await town.open("mairie-19"), await town.open("admin"));
});

/** By keyboard alone, from the top of the form to its page; the place is one of a list. */
async function raised(page) {
  await page.goto("/signaler");
  await tabTo(page, page.locator("[name=severity]:checked"));
  await page.keyboard.press("ArrowDown");
  await tabTo(page, page.locator("[name=place]:checked"));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const field = page.getByRole("combobox", { name: "Quel lieu ?" });
  await tabTo(page, field);
  await page.keyboard.type("rue goub");
  const options = page.getByRole("option");
  await options.first().waitFor();
  assert.equal(await field.getAttribute("aria-expanded"), "true");
  await said(page, "2 lieux proposés");
  await page.keyboard.press("ArrowUp");
  await marked(field, options.last());
  await page.keyboard.press("ArrowDown");
  await marked(field, options.first());
  await inspect(page, "place-list");
  await page.keyboard.press("Escape");
  assert.equal(await field.getAttribute("aria-expanded"), "false");
  assert.equal(await field.inputValue(), "rue goub", "what was written stays");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await said(page, "Compris : Rue Goubet, 19e, quartier Amérique");
  assert(page.url().endsWith("/signaler"), "the Enter that chooses sends nothing");
  await inspect(page, "place-understood");
  await tabTo(page, page.getByRole("button", { name: "Envoyer le signalement" }));
  await page.keyboard.press("Enter");
  await page.waitForURL("**/signaler/*-*-*-*");
  const title = await page.locator("h1").textContent();
  await tabTo(page, page.getByRole("link", { name: "Mes signalements" }));
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${OWN}`);
  return title.match(/S-\d{4}-\d+/)[0];
}

/** What `session` may do through the API. */
async function acting(town, session) {
  const page = await town.page(session);
  const request = page.context().request;
  return async () => {
    const { incidents } = await (await request.get("/api/v1/incidents")).json();
    const taken = await request.post(`/api/v1/incidents/${incidents[0].id}/acknowledgements`, { data: {} });
    assert.equal(taken.status(), 200, await taken.text());
  };
}

/** Its line says where it was, and, without being opened again, who was told and who takes charge. */
async function followed(page, reference, takeCharge) {
  const line = page.getByRole("listitem").filter({ hasText: reference });
  await line.getByText("rue Goubet").waitFor();
  await page.evaluate(() => (window.sameAsBefore = true));
  await line.getByText(/\d+ services ont été prévenus/).waitFor();
  const link = line.getByRole("link", { name: reference });
  await tabTo(page, link);
  await takeCharge();
  await line.getByText(/Commissariat 19e arrondissement s'en charge depuis aujourd'hui/).waitFor();
  await page.getByRole("status").filter({ hasText: `Du nouveau. ${reference} : Pris en compte` }).waitFor();
  assert(await page.evaluate(() => window.sameAsBefore), "nobody opened it again");
  assert(await link.evaluate((link) => link === document.activeElement), "the focus is where it was");
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await inspect(page, "own");
  }
  await page.setViewportSize({ width: 360, height: 780 });
  return link;
}

/** One key from the line to its page; there it is said to be over, and the line says so. */
async function ended(page, reference, link) {
  await link.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/signaler/*-*-*-*");
  await inspect(page, "follow");
  await tabTo(page, page.getByRole("button", { name: "C'est terminé" }));
  await page.keyboard.press("Enter");
  await page.getByText("Vous avez dit que c'est terminé").waitFor();
  await tabTo(page, page.getByRole("link", { name: "Mes signalements" }));
  await page.keyboard.press("Enter");
  const line = page.getByRole("listitem").filter({ hasText: reference });
  await line.getByText("Vous avez dit que c'est terminé").waitFor();
}

/** The page says that it has no network and of when it is, and when it has one again. */
async function lost(page) {
  await page.context().setOffline(true);
  await page.getByRole("status").filter({ hasText: /Pas de réseau : cette page est celle de \d+/ }).waitFor();
  assert(await page.getByRole("link", { name: "Actualiser" }).isVisible());
  await shot(page, "own-offline");
  await page.context().setOffline(false);
  await page.getByRole("status").filter({ hasText: "À nouveau à jour" }).waitFor();
  // Whoever has no session any more is told what the form tells.
  await page.context().clearCookies();
  await page.getByText("Mes signalements").waitFor({ state: "detached" });
  const told = await page.locator("main").textContent();
  await page.goto("/signaler");
  assert.equal(await page.locator("main").textContent(), told);
}

/** Without a network it is said what becomes of the place; it leaves by itself, and is found in the list. */
async function withoutNetwork(town, session) {
  const page = await town.page(session, 360);
  await page.goto("/signaler");
  await page.getByLabel("Un autre point").check();
  await page.context().setOffline(true);
  await page.getByRole("combobox", { name: "Quel lieu ?" }).fill("rue Goubet");
  await said(page, "Pas de réseau : ce lieu sera cherché à l'envoi");
  await page.getByRole("button", { name: "Envoyer le signalement" }).click();
  await page.locator("#envoi").filter({ hasText: "Pas encore envoyé : pas de réseau" }).waitFor();
  await shot(page, "place-offline");
  await page.context().setOffline(false);
  await page.waitForURL("**/signaler/*-*-*-*");
  await page.getByRole("link", { name: "Mes signalements" }).click();
  await page.getByRole("heading", { name: /S-/ }).nth(1).waitFor();
}

/** Without scripts: a list, and a link to ask again. */
async function plain(town, session, reference) {
  const page = await town.page(session, 360, { javaScriptEnabled: false });
  await page.goto(OWN);
  await page.getByRole("link", { name: "Actualiser" }).click();
  await page.getByRole("link", { name: reference }).waitFor();
  await shot(page, "own-plain");
}

/** The same field tells a watch cell's place, and asks of the territory. */
async function elsewhere(town, mairie, admin) {
  const cell = await town.page(mairie, 360);
  await cell.goto("/cellule/paris-19");
  await cell.getByLabel("De quoi s'agit-il ?").selectOption("crisis-event");
  const where = cell.getByRole("combobox", { name: /Où/ });
  const send = cell.getByRole("button", { name: "Informer la SCOP" });
  // Pressed at once: nothing is sent before what was understood has been shown.
  await where.fill("zzqqxx");
  await send.click();
  await cell.locator("#where-said", { hasText: "Lieu inconnu" }).waitFor();
  assert.equal(await cell.locator(".said").textContent(), "");
  await where.fill("collège georges brassens");
  await cell.locator("#where-lieux [role=option]").first().waitFor();
  await where.press("ArrowDown");
  await where.press("Enter");
  await cell.locator("#where-said", { hasText: "Compris : Collège Georges Brassens" }).waitFor();
  await inspect(cell, "cell-place");
  await send.click();
  await cell.getByText(/Reçu, la SCOP est prévenue. Référence : S-/).waitFor();

  const desk = await town.page(admin);
  await desk.goto("/administration/territoire");
  await desk.getByRole("combobox", { name: "Lieu ou point" }).fill("college voltaire");
  await desk.getByRole("option").first().waitFor();
  await desk.keyboard.press("ArrowDown");
  await desk.keyboard.press("Enter");
  await desk.getByRole("button", { name: "Chercher" }).click();
  await desk.getByText("Lieu compris : Collège Voltaire, 11e").waitFor();
  await inspect(desk, "territory-place");
}

async function marked(field, option) {
  assert.equal(await field.getAttribute("aria-activedescendant"), await option.getAttribute("id"));
  assert.equal(await option.getAttribute("aria-selected"), "true");
}

/** Waits until the field of the form says so of its place. */
function said(page, text) {
  return page.locator("#lieu-compris", { hasText: text }).waitFor();
}
