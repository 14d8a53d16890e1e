// The map: beside the board, in the form, on the administration's page; seen, clicked, and used by keyboard alone.
import assert from "node:assert/strict";
import { figure, inspect, journey, shot, WIDTHS } from "../lib/journey.mjs";
import { until } from "../lib/picture.mjs";

const SERIOUS = "#dc5f69"; // as it is seen over the land, a quarter of which shines through
const LIT = "#26364a";
const ACCENT = "#0b4f8a";

await journey(async (town) => {
  const scop = await town.open("scop");
  await beside(town, scop);
  await withoutPictures(town, scop);
  await ofOne(town, scop);
  await chosen(town, await town.open("college-19"));
  await administered(town, await town.open("admin"));
});

async function beside(town, session) {
  const page = await town.page(session);
  const weight = weighed(page);
  await page.goto("/scop");
  const map = page.locator("#map[data-state=ready] .map-canvas");
  await map.waitFor();
  figure("the library", `${(weight("/assets/map/") / 1024).toFixed(0)} kB transferred`);
  figure("the sectors", `${(weight("geojson") / 1024).toFixed(0)} kB transferred`);
  await until(page, map, SERIOUS, ({ pixels }) => pixels < 20);
  await page.getByText("Aucun événement.", { exact: true }).waitFor();
  await inspect(page, "map-empty");

  // A grave incident colours its sector, and the list beside says so.
  await town.raise(session, { kind: "rixe", severity: "serious", location: { sector: "paris-19" } });
  await town.raise(session, { kind: "rixe", severity: "tension", location: { sector: "paris-13" } });
  await town.raise(session, { kind: "rixe", severity: "serious", exercise: true, location: { sector: "paris-15" } });
  const north = page.locator("#map-sectors button[data-sector=paris-19]");
  await north.filter({ hasText: "Grave, 1 à prendre en compte" }).waitFor();
  await page.locator("#map-sectors button", { hasText: "Exercice, 1 à prendre en compte" }).waitFor();
  const grave = await until(page, map, SERIOUS, ({ pixels }) => pixels > 300);
  await page.locator("#map-sectors button[data-sector=paris-13]").waitFor();
  await inspect(page, "map");

  // A click on the sector shows its lines and no others; the same click shows all again.
  await map.click({ position: { x: grave.x, y: grave.y } });
  await page.waitForURL(/secteur=paris-19/);
  assert.equal(await north.getAttribute("aria-pressed"), "true");
  assert.deepEqual(await page.locator(".row:visible .sector").allInnerTexts(), ["19e arrondissement"]);
  await shot(page, "map-chosen");
  await map.click({ position: { x: grave.x, y: grave.y } });
  await page.waitForURL((url) => !url.searchParams.has("secteur"));
  assert.equal(await page.locator(".row:visible").count(), 3);

  // By keyboard: the line one is on outlines its sector, a sector of the list is chosen, the map is put away and back.
  await page.locator("h1").click();
  await page.keyboard.press("j");
  await until(page, map, LIT, ({ pixels }) => pixels > 40);
  await tabTo(page, "#map-sectors button[data-sector=paris-13]");
  await page.keyboard.press("Enter");
  await page.waitForURL(/secteur=paris-13/);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.searchParams.has("secteur"));
  await page.keyboard.press("c");
  await page.locator("#map-panel").waitFor({ state: "hidden" });
  await page.reload();
  await page.getByText("En direct").waitFor();
  assert(await page.locator("#map-panel").isHidden(), "what was chosen is remembered");
  await page.getByRole("button", { name: "Carte" }).click();
  await map.waitFor();

  // Taken charge of, it is still there, paler and without a number.
  await page.locator(".row", { hasText: "19e" }).getByRole("link").focus();
  await page.keyboard.press("a");
  await page.keyboard.press("Enter");
  await north.filter({ hasText: "Grave, tout est pris en compte" }).waitFor();
  await until(page, map, SERIOUS, ({ pixels }) => pixels < 100);

  // On a telephone it is there for whoever asks.
  const narrow = await town.page(session, 360);
  await narrow.goto("/scop");
  await narrow.getByText("En direct").waitFor();
  assert(await narrow.locator("#map-panel").isHidden());
  await narrow.getByRole("button", { name: "Carte" }).click();
  await narrow.locator("#map[data-state=ready]").waitFor();
  await inspect(narrow, "map");
  const wide = await town.page(session, 1920);
  await wide.goto("/scop");
  await wide.locator("#map[data-state=ready]").waitFor();
  await inspect(wide, "map");
}

/** Where no map can be drawn the page says so, and its list does the same. */
async function withoutPictures(town, session) {
  const page = await town.page(session);
  await page.addInitScript(() => {
    const { getContext } = HTMLCanvasElement.prototype;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      return kind.startsWith("webgl") ? null : getContext.call(this, kind, ...rest);
    };
  });
  await page.goto("/scop");
  await page.getByText("Cet appareil ne peut pas afficher la carte. La liste ci-dessous dit la même chose.").waitFor();
  await page.locator("#map-sectors button[data-sector=paris-19]").click();
  await page.waitForURL(/secteur=paris-19/);
  await inspect(page, "map-failed");
}

/** An incident's page shows where it is when somebody asks. */
async function ofOne(town, session) {
  const location = { lon: 2.3245, lat: 48.8335, accuracy_m: 20 };
  await town.raise(session, { kind: "rixe", severity: "tension", location });
  for (const width of WIDTHS) {
    const page = await town.page(session, width);
    await page.goto("/scop");
    await page.locator(".row", { hasText: "14e" }).getByRole("link").click();
    await page.getByText("Voir sur la carte").click();
    const map = page.locator("#where [data-state=ready] .map-canvas");
    await map.waitFor();
    await until(page, map, ACCENT, ({ pixels }) => pixels > 60);
    await page.getByText("point 48.8335, 2.3245").waitFor();
    await inspect(page, "map-incident");
  }
}

async function chosen(town, session) {
  for (const width of WIDTHS) {
    const page = await town.page(session, width);
    const weight = weighed(page);
    await page.goto("/signaler");
    await page.getByLabel("Un autre point").check();
    await page.getByRole("button", { name: "Choisir sur la carte" }).waitFor();
    await page.waitForLoadState("networkidle");
    if (width === 360) figure("the form before a map is asked for", `${(weight("/") / 1024).toFixed(0)} kB transferred`);
    assert.equal(weight("maplibre"), 0, "nothing of the map comes unasked");

    // Without a network it says so, and may be asked again.
    await page.context().setOffline(true);
    await page.getByRole("button", { name: "Choisir sur la carte" }).click();
    await page.getByText("La carte n'a pas pu être chargée.").waitFor();
    await page.context().setOffline(false);
    await page.getByRole("button", { name: "Choisir sur la carte" }).click();
    await page.locator(".map-place[data-state=ready]").waitFor();
    const canvas = page.locator(".map-place canvas");
    const said = page.locator("[data-point-choice] [role=status]");

    // A finger on the map.
    const box = await canvas.boundingBox();
    await canvas.click({ position: { x: box.width / 2 + 30, y: box.height / 2 - 30 } });
    await said.filter({ hasText: /Point posé : 19e arrondissement, à \d+ m près/ }).waitFor();
    const touched = await page.getByLabel("Quel lieu ?").inputValue();
    assert.match(touched, /^48\.\d{5}, 2\.\d{5}$/);
    await inspect(page, "map-point");

    // The keyboard: the arrows move the map, Enter puts the point in its middle.
    await canvas.focus();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Enter");
    await page.waitForFunction((before) => document.getElementById("point").value !== before, touched);
    await said.filter({ hasText: "Point posé : 19e" }).waitFor();
    if (width !== 360) continue;

    // Too far from the school: better said here than after sending. A press while the map still moves takes it less
    // than a whole step away, so one goes on until the corner is far enough.
    let heard = "";
    for (let step = 0; step < 12 && !heard.includes("Trop loin"); step += 1) {
      await page.getByRole("button", { name: "Réduire" }).click();
      const before = await page.getByLabel("Quel lieu ?").inputValue();
      await canvas.click({ position: { x: 20, y: 20 } });
      await page.waitForFunction((put) => document.getElementById("point").value !== put, before);
      await said.filter({ hasText: "Point posé :" }).waitFor();
      heard = await said.innerText();
    }
    assert.match(heard, /Trop loin/);
    await page.reload();
    await page.getByLabel("Un autre point").check();
    await page.getByRole("button", { name: "Choisir sur la carte" }).click();
    await page.getByRole("button", { name: "Poser le point au milieu" }).click();
    await said.filter({ hasText: /^Point posé : (?!.*Trop loin)/ }).waitFor();
    await page.getByRole("button", { name: "Envoyer le signalement" }).click();
    await page.waitForURL("**/signaler/*-*");
    await page.waitForFunction(() => document.body.innerText.includes("19e arrondissement") || (location.reload(), false));
  }
}

async function administered(town, session) {
  for (const width of WIDTHS) {
    const page = await town.page(session, width);
    await page.goto("/administration/territoire");
    await page.locator("[data-territory][data-state=ready]").waitFor();
    await inspect(page, "territoire");
    const canvas = page.locator("[data-territory] canvas");
    const box = await canvas.boundingBox();
    await canvas.click({ position: { x: box.width / 2, y: box.height / 2 } });
    await page.locator("#answer[data-lon]").waitFor();
    assert.match(await page.locator("#answer").innerText(), /Concerne aussi/);
    await inspect(page, "territoire-point");

    // A point typed: the border is near, and what lies beyond it is named.
    await page.getByLabel("Lieu ou point").fill("2.3966 48.8905");
    await page.getByLabel("Connu à combien").fill("300");
    await page.getByRole("button", { name: "Chercher" }).click();
    await page.locator("#answer", { hasText: "2.3966 48.8905" }).waitFor();
    assert.match(await page.locator("#answer").innerText(), /19e arrondissement[\s\S]*Pantin \(93\)/);
    await page.getByLabel("Lieu ou point").fill("48.8905 2.3966");
    await page.getByRole("button", { name: "Chercher" }).click();
    await page.locator("#answer", { hasText: "2.3966 48.8905" }).waitFor();
    await page.getByLabel("Lieu ou point").fill("20 r de crimée");
    await page.getByLabel("Connu à combien").fill("");
    await page.getByRole("button", { name: "Chercher" }).click();
    await page.getByText("Lieu compris : 20 rue de Crimée, 19e").waitFor();
    await page.getByLabel("Lieu ou point").fill("boulevard de la villette");
    await page.getByRole("button", { name: "Chercher" }).click();
    await page.getByText("Vouliez-vous dire « Boulevard de la Villette, 10e").waitFor();
  }
  const plain = await town.page(session, 1440, { javaScriptEnabled: false });
  await plain.goto("/administration/territoire");
  await plain.getByRole("link", { name: "19e arrondissement" }).first().click();
  await plain.waitForURL(/secteur=paris-19/);
  const answer = await plain.locator("#answer").innerText();
  assert.match(answer, /Services de ce secteur/);
  assert(await plain.locator("#answer a[href^='/annuaire/']").count() > 0, "bodies that act there are linked");
}

/** Bytes that came over the network for addresses that hold a text. */
function weighed(page) {
  const came = [];
  page.on("requestfinished", async (request) => {
    const url = request.url();
    const { responseBodySize, responseHeadersSize } = await request.sizes().catch(() => ({ responseBodySize: 0, responseHeadersSize: 0 }));
    came.push([url, responseBodySize + responseHeadersSize]);
  });
  return (part) => came.filter(([url]) => url.includes(part)).reduce((sum, [, bytes]) => sum + bytes, 0);
}

async function tabTo(page, selector) {
  await page.locator("#filters select").first().focus();
  for (let step = 0; step < 30; step += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
  }
  assert.fail(`${selector} cannot be reached by keyboard`);
}
