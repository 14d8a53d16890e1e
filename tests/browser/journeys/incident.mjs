// One incident's page: what is told of it, and every act by a plain form, with and without scripts.
import assert from "node:assert/strict";
import { inspect, journey, shot, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const session = await town.open("scop");
  await town.raise(session, {
    kind: "rixe",
    severity: "tension",
    summary: "Deux groupes se cherchent depuis midi",
    location: { sector: "paris-19" },
  });
  const board = await town.page(session);
  await board.goto("/scop");
  await board.locator(".row .due", { hasText: /dans/ }).waitFor();
  await board.keyboard.press("j");
  await board.keyboard.press("Enter");
  await board.getByRole("heading", { name: "Main courante" }).waitFor();
  const address = new URL(board.url()).pathname;
  assert.match(address, /^\/scop\/evenements\/[0-9a-f-]{36}$/);

  // Another operator, without scripts: the whole page is forms.
  const plain = await town.page(session, 1440, { javaScriptEnabled: false });
  await plain.goto(address);
  assert.match(await plain.locator("#signals").innerText(), /Deux groupes se cherchent depuis midi/);
  assert.match(await plain.locator("#ahead").innerText(), /Division territoriale de la DPMP.*sauf prise en compte/s);
  await plain.getByLabel("Note pour la main courante").fill("Médiateurs sur place à la sortie");
  await plain.getByRole("button", { name: "Ajouter la note" }).click();
  await plain.getByText("Note ajoutée à la main courante.").waitFor();
  assert.match(await plain.locator("#log").innerText(), /Médiateurs sur place à la sortie/);
  await shot(plain, "incident-plain");

  // The first operator sees it without a reload, and what they were typing stays.
  await board.getByLabel("Note pour la main courante").fill("à moitié tap");
  await plain.locator("summary", { hasText: "Changer le niveau" }).click();
  await plain.getByLabel("Grave").check();
  await plain.getByLabel("Motif").fill("Armes par destination vues");
  await plain.getByRole("button", { name: "Changer le niveau" }).click();
  await plain.getByText("Niveau changé.").waitFor();
  await board.locator("#facts .badge", { hasText: "Grave" }).waitFor();
  await board.locator("#log", { hasText: "Armes par destination vues" }).waitFor();
  assert.equal(await board.getByLabel("Note pour la main courante").inputValue(), "à moitié tap");

  await plain.getByRole("button", { name: "Prendre en compte" }).click();
  await plain.getByText("Les relances s'arrêtent").waitFor();
  await board.locator("#told .answer.acknowledged").waitFor();
  await plain.locator("summary", { hasText: "Associer un secteur" }).click();
  await plain.getByLabel("Secteur", { exact: true }).selectOption({ label: "18e arrondissement" });
  await plain.getByRole("button", { name: "Associer" }).click();
  await plain.getByText("Secteur associé").waitFor();
  await plain.locator("summary", { hasText: "Faire prévenir un service" }).click();
  await plain.locator("#call").selectOption({ label: "Rectorat de l’académie de Paris" });
  await plain.getByRole("button", { name: "Faire prévenir" }).click();
  await plain.getByText("sollicité de nouveau").waitFor();
  await board.locator("#told li", { hasText: "Rectorat" }).waitFor();

  // Another signal that was taken for the same event is taken out again; it opens its own.
  await town.raise(session, { kind: "rixe", severity: "watch", location: { sector: "paris-19" } });
  const mistaken = board.locator("#signals li", { hasText: "Ce n'est pas le même événement" });
  await mistaken.locator("summary").click();
  await mistaken.getByRole("button", { name: "Séparer ce signalement" }).click();
  await board.getByText("Signalement séparé : il ouvre son propre événement").waitFor();
  await board.locator("#log", { hasText: /Signalement séparé par .*R-\d{4}-\d+/ }).waitFor();
  await board.waitForFunction(() => document.querySelectorAll("#signals li").length === 1);
  await board.getByLabel("Note pour la main courante").fill("à moitié tap");
  await plain.locator("summary", { hasText: "régime de crise" }).click();
  await plain.getByLabel("Crise localisée").check();
  await plain.getByRole("button", { name: "Changer le régime" }).click();
  await plain.getByText("Régime de crise changé.").waitFor();
  await plain.getByLabel("Service", { exact: true }).last().selectOption({ label: "Rectorat de l’académie de Paris" });
  await plain.getByRole("button", { name: "Expliquer" }).click();
  await plain.getByRole("heading", { name: "Rectorat de l’académie de Paris" }).waitFor();

  for (const width of WIDTHS) {
    const page = await town.page(session, width);
    await page.goto(`${address}?service=mairie-paris-19`);
    await page.getByText("En direct").waitFor();
    for (const summary of await page.locator("details > summary").all()) await summary.click();
    await inspect(page, "incident");
  }

  // An act without effect says why.
  await plain.goto(address);
  await plain.locator("summary", { hasText: "Clore" }).click();
  await plain.getByLabel("Événement traité").check();
  await plain.getByRole("button", { name: "Clore…" }).click();
  await plain.getByRole("heading", { name: "Clore cet événement ?" }).waitFor();
  await plain.getByRole("button", { name: "Confirmer la clôture" }).click();
  await plain.getByText("Événement clos.", { exact: true }).waitFor();
  await board.locator("summary", { hasText: "Changer le niveau" }).click();
  await board.getByLabel("Mortel").check();
  await board.getByLabel("Motif").fill("Un blessé grave");
  await board.getByRole("button", { name: "Changer le niveau" }).click();
  await board.getByRole("alert").getByText("L'événement est clos.").waitFor();
  await inspect(board, "incident-closed");
});
