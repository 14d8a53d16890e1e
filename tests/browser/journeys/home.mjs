// The personal link, and the home it opens.
import assert from "node:assert/strict";
import { inspect, journey, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const session = await town.open("scop");
  for (const width of WIDTHS) {
    const page = await town.page(session, width);
    await page.goto("/");
    assert(await page.getByRole("link", { name: "Salle de commandement" }).first().isVisible());
    await inspect(page, "home");
  }
});
