// A real crisis, opened from the page of an event and conducted by plain forms; a second choice; a name that is refused.
import assert from "node:assert/strict";
import { inspect, journey, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const scop = await town.open("scop");
  const mairie = await town.open("mairie-19");
  const event = { kind: "crisis-event", severity: "serious", location: { lon: 2.3791, lat: 48.8853 } };
  await town.raise(mairie, event);
  await town.raise(scop, { kind: "rixe", severity: "tension", location: { sector: "paris-18" } });

  // From the board to the event, and from there to a crisis.
  const plain = await town.page(scop, 1440, { javaScriptEnabled: false });
  const incident = await eventPage(town, scop, "crisis-event");
  await plain.goto(incident);
  const reference = (await plain.locator("dl.facts dd", { hasText: /^R-/ }).first().innerText()).trim();
  await plain.getByRole("link", { name: "Ouvrir une crise depuis cet événement" }).click();
  assert.match(await plain.getByLabel("Depuis un événement ouvert").locator("option:checked").innerText(), new RegExp(reference));
  await inspect(await sized(town, scop, `/crises?evenement=${reference}`, 360), "crisis-opening");
  await plain.getByLabel("Crise localisée").check();
  await plain.getByRole("button", { name: "Ouvrir la crise" }).click();
  await plain.getByText("Crise ouverte.").waitFor();
  const address = new URL(plain.url()).pathname;
  assert.equal(await plain.getByText("EXERCICE").count(), 0, "this is real");
  await plain.locator("#evenements a", { hasText: reference }).waitFor();

  // The event knows its crisis: the same link leads to it.
  await plain.goto(`/crises?evenement=${reference}`);
  assert.equal(new URL(plain.url()).pathname, address);

  // Another event is attached by what people read to each other; a mistyped reference is a fault that says so.
  const other = (await (await eventRow(town, scop, "rixe")).innerText()).match(/R-\d{4}-\d{6}/)[0];
  await plain.locator("summary", { hasText: "Rattacher un événement" }).click();
  await plain.getByLabel(/^Ou sa référence/).fill("R-2026-999999");
  await plain.getByRole("button", { name: "Rattacher" }).click();
  await plain.getByRole("alert").waitFor();
  await plain.getByLabel(/^Ou sa référence/).fill(other.toLowerCase());
  await plain.getByRole("button", { name: "Rattacher" }).click();
  await plain.getByText("Événement rattaché.").waitFor();
  await plain.locator("#evenements a", { hasText: other }).waitFor();
  await plain.locator("#essentiel", { hasText: "18e arrondissement" }).waitFor();

  // Mediation is asked where the second event is; the link refuses, with a reason, and the next choice is asked.
  await plain.getByLabel("Où, Équipe Parisienne de Médiation (EPM)").selectOption({ index: 1 });
  await plain.getByRole("button", { name: /^Demander – Équipe Parisienne de Médiation/ }).click();
  await plain.getByText("Demande enregistrée.").waitFor();
  const link = await town.ask("link epm-paris-18");
  const asked = await town.page(undefined, 360);
  await asked.goto(link);
  await inspect(asked, "request-real");
  await asked.locator("summary", { hasText: "Nous ne pouvons pas venir" }).click();
  await asked.getByRole("button", { name: "Pas de moyens disponibles" }).click();
  await inspect(asked, "request-refused");
  const second = await town.page(undefined, 1440, { javaScriptEnabled: false });
  await second.goto(await town.ask("link permanence-dpmp"));
  await second.getByRole("button", { name: "Nous acceptons" }).click();
  await second.getByText("C'est noté.").waitFor();
  await asked.goto(link);
  await asked.getByText("Un autre service a accepté.").waitFor();
  await inspect(asked, "request-others");

  // An altered link opens nothing.
  await asked.goto(`${link.slice(0, -1)}${link.endsWith("A") ? "B" : "A"}`);
  await asked.getByRole("heading", { name: "Ce lien n'est pas valable" }).waitFor();

  // A name is noticed before it is kept, in what the mairie reports too; nothing has to be typed again.
  await plain.goto(address);
  await plain.locator("summary", { hasText: "Changer de régime" }).click();
  await plain.getByLabel("Crise nationale").check();
  await plain.getByRole("button", { name: "Changer de régime" }).click();
  await plain.getByText("Régime changé.").waitFor();
  await plain.getByText("site de l'École Militaire").waitFor();
  await plain.locator("summary", { hasText: "Enregistrer un texte reçu" }).click();
  await plain.getByLabel(/^Texte, mot pour mot/).fill("Rapprochez-vous de Camille Martin à la mairie.");
  await plain.getByRole("button", { name: "Enregistrer le texte" }).click();
  await plain.getByRole("alert").waitFor();
  assert.match(await plain.getByLabel(/^Texte, mot pour mot/).inputValue(), /Camille Martin/);
  for (const width of WIDTHS) {
    const page = await sized(town, scop, address, width);
    await page.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
    await inspect(page, "crisis-national");
  }
});

/** The line of the board of an event of that kind. */
async function eventRow(town, session, kind) {
  const page = await town.page(session);
  await page.goto("/scop");
  const label = kind === "rixe" ? /Rixe/ : /Événement/;
  const row = page.locator(".row", { hasText: label }).first();
  await row.waitFor();
  return row;
}

async function eventPage(town, session, kind) {
  const row = await eventRow(town, session, kind);
  return row.locator("a").first().getAttribute("href");
}

async function sized(town, session, path, width) {
  const page = await town.page(session, width);
  await page.goto(path);
  return page;
}
