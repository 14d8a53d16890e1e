// Whoever administers: every page of theirs at both widths, and a replacement by keyboard.
import assert from "node:assert/strict";
import { inspect, journey, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const session = await town.open("admin");
  const desk = await town.page(session);
  await desk.goto("/administration/essais");
  await desk.getByLabel("Où ?").selectOption("paris-19");
  await desk.getByRole("button", { name: "Commencer un essai" }).click();
  await desk.waitForURL("**/administration/essais/*");
  const drill = new URL(desk.url()).pathname;

  const pages = {
    administration: "/administration",
    versions: "/administration/versions",
    doctrine: "/administration/doctrine",
    "doctrine-fichier": "/administration/doctrine/f-1-6.toml",
    ecarts: "/administration/ecarts",
    essais: "/administration/essais",
    essai: drill,
    annuaire: "/annuaire",
    astreintes: "/annuaire/scop",
    observatoire: "/observatoire",
    bulletin: `/observatoire?mois=${new Date().toISOString().slice(0, 7)}&type=rixe`,
    accessibilite: "/accessibilite",
    "observatoire-19": "/observatoire?secteur=paris-19",
  };
  for (const width of WIDTHS) {
    const page = await town.page(session, width);
    for (const [name, path] of Object.entries(pages)) {
      const response = await page.goto(path);
      assert.equal(response.status(), 200, path);
      await inspect(page, name);
    }
  }
});
