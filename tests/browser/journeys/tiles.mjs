// Tiles that are configured lie under the borders, and their publisher is named.
import assert from "node:assert/strict";
import { journey, shot } from "../lib/journey.mjs";
import { until } from "../lib/picture.mjs";

await journey(async (town) => {
  const session = await town.open("scop");
  const asker = await town.page(session);
  const [template] = await (await asker.request.get("/assets/map/tiles.json")).json().then(({ tiles }) => tiles);
  const page = await town.page(session, 1440, { elsewhere: new URL(template.replaceAll(/[{}]/g, "")).origin });
  await page.goto("/scop");
  await page.locator("#map[data-state=ready]").waitFor();
  await until(page, page.locator("#map .map-canvas"), "#00c080", ({ pixels, all }) => pixels > all / 3);
  assert.match(await page.locator(".map-credits").innerText(), /Plan d'essai/);
  await shot(page, "map-tiles");
});
