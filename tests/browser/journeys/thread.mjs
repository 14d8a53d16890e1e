// The thread of an event in the operations room: what becomes known of it is marked on its line and heard, on every screen,
// until somebody opens it; closing asks first.
import assert from "node:assert/strict";
import { inspect, journey, tabTo, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const [session, head] = [await town.open("scop"), await town.open("college-19")];
  const raise = (facts) =>
    town.raise(head, { kind: "rixe", severity: "serious", location: { school: "0750507U" }, facts });
  const page = await town.page(session);
  await page.goto("/scop");
  await page.getByText("En direct").waitFor();
  await page.getByRole("button", { name: "Activer le son" }).click();
  const silence = page.getByRole("button", { name: /Arrêter la sonnerie/ });
  await raise([]);
  const row = page.locator(".row", { hasText: "19e arrondissement" });
  await row.waitFor();
  await silence.waitFor();
  assert.equal(await row.locator(".unread").innerText(), "", "an event is not news of itself");
  await page.keyboard.press("j");
  await page.keyboard.press("a");
  await page.keyboard.press("Enter");
  await row.locator(".status", { hasText: "Pris en compte" }).waitFor();
  await silence.waitFor({ state: "hidden" });

  // In hand, and something grave becomes known: the line says what, and it rings until somebody reads it.
  await raise(["arme-vue"]);
  const mark = "Nouveau : Une arme a été vue";
  await row.locator(".unread", { hasText: mark }).waitFor();
  await page.getByRole("alert").filter({ hasText: /Une arme a été vue : Rixe, 19e arrondissement/ }).waitFor();
  await silence.waitFor();
  await inspect(page, "board-news");
  await page.reload();
  await row.locator(".unread", { hasText: mark }).waitFor();
  await page.getByText("En direct").waitFor();
  const narrow = await town.page(session, WIDTHS[0]);
  await narrow.goto("/scop");
  await narrow.getByText("En direct").waitFor();
  const beside = narrow.locator(".unread", { hasText: mark });
  await beside.waitFor();
  await inspect(narrow, "board-news");
  await narrow.getByRole("button", { name: "Activer le son" }).click();
  await raise(["blesse"]);
  await narrow.getByRole("button", { name: /Arrêter la sonnerie/ }).waitFor();

  // The page says what is new; every screen of the room knows that it was read.
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Nouveau depuis la dernière lecture" }).waitFor();
  const news = page.locator("#news li");
  assert.match((await news.allInnerTexts()).join("\n"), /Une arme a été vue.*\n.*blessée/s);
  await narrow.locator(".unread").waitFor({ state: "hidden" });
  await narrow.getByRole("button", { name: /Arrêter la sonnerie/ }).waitFor({ state: "hidden" });
  await inspect(page, "incident-news");
  // What comes while it is open is added, and is read by whoever has it open.
  await raise(["en-cours"]);
  await news.nth(2).waitFor();
  assert.equal(await news.count(), 3, "what was new when it was opened stays");
  await narrow.goto(page.url());
  await narrow.getByRole("heading", { name: "L'essentiel" }).waitFor();
  assert(await narrow.locator("#news").isHidden(), "nothing is left to read");

  // Closing asks first, says who will learn of it and what is not answered, and can be left.
  const ask = async () => {
    await tabTo(page, page.locator("summary", { hasText: "Clore l'événement" }));
    await page.keyboard.press("Enter");
    await tabTo(page, page.getByLabel("Événement traité"));
    await page.keyboard.press("Space");
    await tabTo(page, page.getByRole("button", { name: "Clore…" }));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Clore cet événement ?" }).waitFor();
  };
  const address = page.url();
  await ask();
  await page.getByText(/^\d+ services, qui avaient été alertés$/).waitFor();
  await page.getByText("Sollicités, sans réponse :").waitFor();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await inspect(page, "closing");
  }
  await tabTo(page, page.getByRole("link", { name: "Ne pas clore" }));
  await page.keyboard.press("Enter");
  await page.waitForURL(address);
  assert.doesNotMatch(await page.locator("#facts").innerText(), /Clos/);
  await ask();
  await tabTo(page, page.getByRole("button", { name: "Confirmer la clôture" }));
  await page.keyboard.press("Enter");
  await page.getByText("Événement clos.", { exact: true }).waitFor();
});
