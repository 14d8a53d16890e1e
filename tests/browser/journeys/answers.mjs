// Whoever is asked opens the link of a mail on a telephone and answers by keyboard: seen, cannot, takes charge. After each
// the page says what was recorded, when, and what follows.
import assert from "node:assert/strict";
import { inspect, journey, reloadUntil, tabTo, WIDTHS } from "../lib/journey.mjs";

await journey(async (town) => {
  const head = await town.open("college-19");
  await town.raise(head, { kind: "rixe", severity: "serious", location: { school: "0750507U" } });
  const link = await town.ask("link commissariat-paris-19@");
  const nobody = { cookies: [], origins: [] };
  const page = await town.page(nobody, WIDTHS[0]);
  await page.goto(link);
  const said = page.locator("#dit");
  const press = async (name) => {
    await tabTo(page, page.getByRole("button", { name }));
    await page.keyboard.press("Enter");
  };

  // Where it is, drawn and in words; whoever only watches reads the quartier.
  await page.getByRole("img", { name: /^Plan du lieu, 19e/ }).waitFor();
  await page.getByText("Le point est devant : Collège Georges Brassens").waitFor();
  const watcher = await town.page(nobody, WIDTHS[0]);
  await watcher.goto(await town.ask("link associations-paris-19@"));
  await watcher.getByRole("img", { name: /^Plan du quartier Amérique/ }).waitFor();
  assert.doesNotMatch(await watcher.content(), /Le point est|Brassens|Beth Hanna/);
  await inspect(watcher, "answer-watcher");

  // Seen: it stops nothing, and says so.
  await reloadUntil(page, page.getByText(/Référence/));
  await inspect(page, "answer");
  await press("J'ai vu");
  await said.getByText(/^Vu par Commissariat 19e arrondissement, aujourd'hui \d+\sh/).waitFor();
  await said.getByText("Les relances continuent").waitFor();
  await inspect(page, "answer-seen");

  // Cannot: why, and who is asked next; whoever else is asked reads it.
  await tabTo(page, page.locator("summary", { hasText: "Nous ne pouvons pas" }));
  await page.keyboard.press("Enter");
  await press("Pas de moyens disponibles");
  await said.getByText(/^Refus enregistré aujourd'hui \d+\sh/).waitFor();
  await said.getByText("Motif : Pas de moyens disponibles.").waitFor();
  await said.getByText(/Les relances continuent vers d'autres services/).waitFor();
  await said.getByText(/(Prochaine relance|Sollicité maintenant).* : \S/).waitFor();
  await inspect(page, "answer-refused");
  const other = await town.page(nobody, WIDTHS[0]);
  await other.goto(await town.ask("link division-dpmp-paris-19@"));
  await other.getByText("Commissariat 19e arrondissement : pas de moyens disponibles").waitFor();
  await watcher.reload();
  assert.doesNotMatch(await watcher.content(), /pas de moyens/, "who only watches reads nobody's refusal");
  const scop = await town.open("scop");
  const board = await town.page(scop);
  await board.goto("/scop");
  await board.locator(".row .refused", { hasText: "Refus : Commissariat 19e" }).waitFor();
  await board.locator(".row .unread", { hasText: "Nouveau : refus de Commissariat 19e" }).waitFor();
  await board.locator(".row a").click();
  await board.locator("#facts", { hasText: "Commissariat 19e arrondissement : pas de moyens disponibles" }).waitFor();

  // Takes charge after all: it stops what was asked of it, and does not say more than it stops.
  await press("Je prends en compte");
  await said.getByText(/^Pris en compte par Commissariat 19e arrondissement, aujourd'hui \d+\sh/).waitFor();
  const follows = await said.innerText();
  assert.equal(/Prochaine relance/.test(follows), /continuent/.test(follows), follows);
  assert.doesNotMatch(await page.locator("main").innerText(), /Refus enregistré/);
  await inspect(page, "answer-taken");
  await board.locator(".answer.acknowledged").waitFor();
  await board.locator("#facts dt", { hasText: "Refus" }).waitFor({ state: "detached" });

  for (const width of WIDTHS.slice(1)) {
    const wide = await town.page(nobody, width);
    await wide.goto(link);
    await inspect(wide, "answer-taken");
  }
});
