// The board under load: hundreds of incidents, dozens of facts a second, and a person at the keyboard who notices
// nothing.
import assert from "node:assert/strict";
import { figure, journey } from "../lib/journey.mjs";

const INPUT_DELAY_MS = 100;
const HEAP_GROWTH_MB = 12;
const PAGE_KB = 300;

await journey(async (town) => {
  const session = await town.open("desk");
  const page = await town.page(session);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  await cdp.send("Network.enable");
  let [document, transferred] = [null, 0];
  cdp.on("Network.responseReceived", ({ type, requestId }) => type === "Document" && (document ??= requestId));
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (requestId === document) transferred = encodedDataLength;
  });
  await page.goto("/scop");
  await page.getByText("En direct").waitFor();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  const lines = await page.locator(".row").count();
  figure("lines", lines);
  figure("page", `${(transferred / 1024).toFixed(0)} kB transferred`);
  figure("first paint", `${paint.toFixed(0)} ms`);
  assert(lines >= 500, "the board shows every incident");
  assert(transferred > 0 && transferred / 1024 < PAGE_KB, "the page is small enough");
  // The map is open all the while, as it is on a desk.
  await page.locator("#map[data-state=ready]").waitFor();
  figure("map drawn after", `${(await page.evaluate(() => performance.now())).toFixed(0)} ms`);

  await page.evaluate(() => {
    window.delays = [];
    // From the key's own time until its handler runs, and until the frame that shows what it did.
    addEventListener("keydown", (event) => {
      const handled = performance.now() - event.timeStamp;
      const shown = () => window.delays.push([handled, performance.now() - event.timeStamp]);
      requestAnimationFrame(() => requestAnimationFrame(shown));
    }, true);
  });
  const before = await memory(cdp);
  await town.ask("load");
  const until = Date.now() + Number(process.env.VIGIE_BOARD_SECONDS ?? 10) * 1000;
  const keys = ["j", "j", "k", "j", "ArrowDown", "ArrowUp", "/"];
  let pressed = 0;
  while (Date.now() < until) {
    // A key every tenth of a second, as somebody who hurries; from the filter back to the lines.
    const key = keys[pressed++ % keys.length];
    await page.keyboard.press(key);
    if (key === "/") await page.evaluate(() => document.activeElement.blur());
    await page.waitForTimeout(100);
  }
  await town.ask("settle");

  // Not one update is lost: every line says what the API says.
  await agree(page);
  await tally(page);
  const after = await memory(cdp);
  const delays = await page.evaluate(() => window.delays);
  const handled = delays.map(([handled]) => handled).sort((a, b) => a - b);
  const shown = delays.map(([, shown]) => shown).sort((a, b) => a - b);
  figure("keys pressed", pressed);
  figure("input delay", `median ${at(handled, 0.5)} ms, p99 ${at(handled, 0.99)} ms, most ${at(handled, 1)} ms`);
  figure("shown after", `median ${at(shown, 0.5)} ms, p99 ${at(shown, 0.99)} ms, most ${at(shown, 1)} ms`);
  figure("heap", `${before.heap.toFixed(1)} MB before, ${after.heap.toFixed(1)} MB after`);
  figure("nodes", `${before.nodes} before, ${after.nodes} after`);
  assert(handled.length > pressed / 2, "keys were heard");
  // The slowest key is a figure of the machine, and is held to its bound when somebody measures on an idle one; a page that
  // keeps the person waiting at every second key fails anywhere.
  const slowest = process.env.VIGIE_BOARD_SECONDS ? 1 : 0.5;
  assert(handled[Math.min(handled.length - 1, Math.floor(handled.length * slowest))] < INPUT_DELAY_MS, "a key waited");
  assert(after.heap - before.heap < HEAP_GROWTH_MB, "memory grows");
});

function at(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(1);
}

/** What is left after the garbage was collected. */
async function memory(cdp) {
  await cdp.send("HeapProfiler.collectGarbage");
  const { metrics } = await cdp.send("Performance.getMetrics");
  const metric = (name) => metrics.find((metric) => metric.name === name).value;
  return { heap: metric("JSHeapUsedSize") / 2 ** 20, nodes: metric("Nodes") };
}

/** The list beside the map counts what the lines say. */
async function tally(page) {
  const agrees = () => {
    const rows = [...document.querySelectorAll("#board .row:not([data-status=closed])")];
    return [...document.querySelectorAll("#map-sectors button")].every(({ dataset, lastElementChild }) => {
      const here = rows.filter((row) => row.dataset.sectors.split(" ").includes(dataset.sector));
      const open = here.filter((row) => row.dataset.status === "open").length;
      return lastElementChild.textContent.includes(open ? `${open} à prendre en compte` : "tout est pris en compte");
    });
  };
  await page.waitForFunction(agrees);
  figure("sectors on the map", await page.locator("#map-sectors button").count());
}

/** Waits until every line agrees with the API; ends with the first that does not. */
async function agree(page) {
  const compare = async () => {
    const wrong = [];
    let cursor = "";
    let compared = 0;
    do {
      const response = await fetch(`/api/v1/incidents?${cursor && `cursor=${encodeURIComponent(cursor)}`}`);
      const { incidents, next } = await response.json();
      for (const { id, version, severity, status, in_charge } of incidents) {
        const row = document.getElementById(`i-${id}`);
        if (status === "closed" && !row) continue;
        compared++;
        const { dataset } = row ?? {};
        const said = row && [dataset.version, dataset.severity, dataset.status, row.querySelector(".who").textContent];
        const is = [String(version), severity, status, in_charge.join(", ")];
        if (said?.join() !== is.join()) wrong.push(`${id}: shown ${said}, is ${is}`);
      }
      cursor = next ?? "";
    } while (cursor);
    return { wrong, compared };
  };
  let result;
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    result = await page.evaluate(compare);
    if (!result.wrong.length) return figure("lines compared with the API", result.compared);
  }
  assert.fail(`${result.wrong.length} lines are wrong: ${result.wrong[0]}`);
}
