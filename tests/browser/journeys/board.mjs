// The SCOP's board: what happens is seen without a reload, by keyboard alone, through lost connections and a killed
// server.
import assert from "node:assert/strict";
import { inspect, journey, PATIENCE, shot, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const session = await town.open("scop");
  const page = await town.page(session);
  const raise = (sector, more) => town.raise(session, { kind: "rixe", location: { sector }, ...more });
  await page.goto("/scop");
  await page.getByText("En direct").waitFor();
  await inspect(page, "board-empty");

  // A grave incident is seen, announced and heard; a person stops the sound with a key.
  await page.getByRole("button", { name: "Activer le son" }).click();
  await raise("paris-19", { severity: "serious" });
  const grave = page.locator(".row", { hasText: "19e arrondissement" });
  await grave.waitFor();
  await page.getByRole("alert").filter({ hasText: /Grave : Rixe, 19e arrondissement/ }).waitFor();
  await page.getByRole("button", { name: /Arrêter la sonnerie/ }).waitFor();
  await page.keyboard.press("s");
  await page.getByRole("button", { name: /Arrêter la sonnerie/ }).waitFor({ state: "hidden" });
  await grave.locator(".due", { hasText: /dans \d+ min/ }).waitFor();
  // Whom the next step tells.
  await grave.locator(".tells", { hasText: /\S/ }).waitFor();

  // An exercise is marked, and silent unless somebody wants to hear it.
  await raise("paris-13", { severity: "serious", exercise: true });
  const drill = page.locator(".row", { hasText: "13e arrondissement" });
  await drill.getByText("EXERCICE").waitFor();
  assert(await page.getByRole("button", { name: /Arrêter la sonnerie/ }).isHidden(), "an exercise rang");
  await raise("paris-18", { severity: "tension" });
  const tension = page.locator(".row", { hasText: "18e arrondissement" });
  await tension.waitFor();
  const order = (await page.locator(".row .sector").allInnerTexts()).map((label) => label.split(" ")[0]);
  assert.deepEqual(order, ["19e", "13e", "18e"], "gravest first, then oldest");
  await inspect(page, "board");

  // The keyboard is enough: to the line, take charge, confirm.
  await page.keyboard.press("j");
  await page.keyboard.press("a");
  await page.getByRole("dialog").getByText(/Grave : Rixe, 19e/).waitFor();
  await inspect(page, "board-confirm");
  await page.keyboard.press("Enter");
  await grave.getByText("Pris en compte", { exact: true }).waitFor();
  await grave.locator(".who", { hasText: "SCOP" }).waitFor();
  // The stream may tell of it before the answer does.
  await page.locator("#said", { hasText: "prise en compte" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.closest(".row")?.dataset.status), "acknowledged");
  await page.getByRole("alert").filter({ hasNotText: "19e" }).waitFor({ state: "attached" });
  await page.keyboard.press("?");
  await inspect(page, "board-keys");
  await page.keyboard.press("Escape");

  // Filters hide lines at once, and the address keeps them.
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.name), "niveau");
  await page.getByLabel("Niveau").selectOption({ label: "Tension" });
  await grave.waitFor({ state: "hidden" });
  assert.match(page.url(), /niveau=tension/);
  await page.locator("#count", { hasText: /^1 événement,/ }).waitFor();
  await page.getByLabel("Niveau").selectOption({ label: "Tous" });

  // What happened while the connection was lost is caught up, though the server was killed and started again meanwhile.
  await town.ask("kill");
  await page.getByText("Connexion perdue").waitFor();
  await shot(page, "board-lost");
  await page.context().setOffline(true);
  await town.ask("restart");
  await raise("paris-12", { severity: "tension" });
  await page.context().setOffline(false);
  await page.locator(".row", { hasText: "12e arrondissement" }).waitFor({ timeout: 2 * PATIENCE });
  await page.getByText("En direct").waitFor();

  // A server that keeps the connection and says nothing is as good as gone.
  await town.ask("freeze");
  await page.getByText("Connexion perdue").waitFor({ timeout: 2 * PATIENCE });
  await town.ask("thaw");
  await raise("paris-11", { severity: "tension" });
  await page.locator(".row", { hasText: "11e arrondissement" }).waitFor({ timeout: 2 * PATIENCE });
  assert.equal(await page.locator(".row").count(), 5, "nothing twice");

  const narrow = await town.page(session, 360);
  await narrow.goto("/scop");
  await narrow.locator(".due", { hasText: /dans/ }).first().waitFor();
  await inspect(narrow, "board");

  for (const width of WIDTHS) {
    const plain = await town.page(session, width, { javaScriptEnabled: false });
    await plain.goto("/scop?niveau=tension");
    assert.equal(await plain.locator(".row:visible").count(), 3, "a form filters without scripts");
    await plain.getByLabel("Niveau").selectOption({ label: "Grave" });
    await plain.getByRole("button", { name: "Filtrer" }).click();
    await plain.waitForURL(/niveau=serious/);
    assert.equal(await plain.locator(".row:visible").count(), 2);
    await shot(plain, "board-plain");
  }

  // A session that ended is said to have ended, not lost.
  const leaver = await town.page(session);
  await leaver.goto("/");
  // Killed too soon, the server would not know of it.
  const left = leaver.waitForResponse((response) => response.url().endsWith("/quitter"));
  await leaver.getByRole("button", { name: "Quitter" }).click();
  await left;
  await town.ask("kill");
  await page.getByText("Connexion perdue").waitFor();
  await town.ask("restart");
  await page.getByText("Votre session est terminée").waitFor({ timeout: 2 * PATIENCE });
});
