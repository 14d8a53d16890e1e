// The relief of a shift, and a mairie's watch cell.
import assert from "node:assert/strict";
import { inspect, journey, shot, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const scop = await town.open("scop");
  const mairie = await town.open("mairie-19");
  await town.raise(scop, { kind: "rixe", severity: "serious", location: { sector: "paris-19" } });
  const school = await town.open("college-19");
  await town.raise(school, { kind: "rixe", severity: "watch", location: { school: "0750507U" } });
  const board = await town.page(scop);
  await board.goto("/scop");
  await board.locator(".row").nth(1).waitFor();

  // The relief: what is open, and a note for whoever comes.
  for (const width of WIDTHS) {
    const page = await town.page(scop, width);
    await page.goto("/scop/releve");
    assert.match(await page.locator("#note").inputValue(), /Événements ouverts : 2 \(grave 1, veille 1\)/);
    await page.getByText("Rixe, 19e arrondissement").first().waitFor();
    await page.getByRole("button", { name: "Enregistrer la relève" }).click();
    await page.getByText("Relève enregistrée").waitFor();
    await inspect(page, "relief");
  }
  const plain = await town.page(scop, 1440, { javaScriptEnabled: false });
  await plain.goto("/scop/releve");
  assert.match(await plain.locator("#note").inputValue(), /Événements ouverts : 2/);
  await plain.getByRole("button", { name: "Enregistrer la relève" }).click();
  await plain.waitForURL("**/annuaire/scop?fait=releve");
  await plain.getByText(/Événements ouverts : 2 \(grave 1, veille 1\)/).first().waitFor();
  await plain.goto("/scop/clos");
  await inspect(await reopened(town, scop, "/scop/clos"), "closed");

  // The watch cell: the home of a mairie is its own sector's page.
  for (const width of WIDTHS) {
    const page = await town.page(mairie, width);
    await page.goto("/");
    await page.getByRole("link", { name: "Cellule de veille" }).first().click();
    await page.getByRole("heading", { name: "Cellule de veille, 19e arrondissement" }).waitFor();
    assert.match(await page.getByRole("region", { name: /Signaux faibles/ }).innerText(), /BRASSENS\s+1/i);
    await inspect(page, "cell");
  }

  // Informed by somebody else: one form tells the SCOP, and says when the mairie knew.
  const page = await town.page(mairie);
  await page.goto("/cellule/paris-19");
  await page.getByLabel("De quoi s'agit-il ?").selectOption("crisis-event");
  await page.getByLabel("Depuis quand le savez-vous ?").selectOption({ label: "5 minutes" });
  await page.getByRole("button", { name: "Informer la SCOP" }).click();
  await page.getByText(/Reçu, la SCOP est prévenue. Référence : S-/).waitFor();
  await board.locator(".row").nth(2).waitFor();

  // A meeting is counted without scripts, once a press.
  const simple = await town.page(mairie, 360, { javaScriptEnabled: false });
  await simple.goto("/cellule/paris-19");
  assert(await simple.getByRole("link", { name: /formulaire de signalement/ }).isVisible());
  await simple.getByLabel("Quoi", { exact: true }).selectOption("reunions-cellule-de-veille");
  await simple.getByRole("button", { name: "Compter" }).click();
  await simple.getByText("Compté.").waitFor();
  await shot(simple, "cell-counted");
});

async function reopened(town, session, path) {
  const page = await town.page(session);
  await page.goto(path);
  return page;
}
