// A journey: pages walked through in a real Chromium, started by tests/tests/browser.rs.
//
// It is told by the environment where Vigie is (VIGIE_TEST_URL), which Chromium to use (VIGIE_TEST_CHROMIUM), the
// personal links it may open (VIGIE_TEST_LINKS, JSON by source) and where screenshots go (VIGIE_TEST_SCREENSHOTS).
// What only the test can do (kill the server, start it again) it asks for on standard output and waits for the answer.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";
import { HtmlValidate } from "html-validate";

/** Widths every page is looked at: an old telephone, a desk. */
export const WIDTHS = [360, 1440];

/** What axe looks for. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What the pages must keep to; how they are laid out is their own. */
const validator = new HtmlValidate({
  extends: ["html-validate:standard"],
  rules: {
    // A page says what it says in the fewest characters: `required`, not `required=""`.
    "no-implicit-input-type": "off",
  },
});

/** Longest wait for what a page must show. */
export const PATIENCE = 15_000;

const url = process.env.VIGIE_TEST_URL;
const links = JSON.parse(process.env.VIGIE_TEST_LINKS ?? "{}");
const screenshots = process.env.VIGIE_TEST_SCREENSHOTS;

/** Runs `walk`; the process ends with 0 when nothing failed. */
export async function journey(walk) {
  const browser = await chromium.launch({
    executablePath: process.env.VIGIE_TEST_CHROMIUM,
    // Root has no sandbox in Chromium; the pages are our own.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  try {
    await walk(new Town(browser));
  } finally {
    await browser.close();
    answers.close();
  }
}

/** The browser, and what the test around it can do. */
class Town {
  #browser;
  constructor(browser) {
    this.#browser = browser;
  }

  /** The session of `source`, opened with its personal link the way a person does. Once: a link serves once. */
  async open(source) {
    assert(links[source], `the test gave no link for ${source}`);
    const context = await this.#browser.newContext({ baseURL: url, javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(links[source]);
    await page.getByRole("button").click();
    const state = await context.storageState();
    await context.close();
    return state;
  }

  /**
   * A page of that session; `options` are Playwright's, and `elsewhere` an origin besides Vigie's it may ask. What the
   * page says on its console fails the journey, and so does a request to anybody else.
   */
  async page(session, width = 1440, { elsewhere, ...options } = {}) {
    const height = width < 600 ? 780 : 900;
    const context = await this.#browser.newContext({
      baseURL: url,
      locale: "fr-FR",
      timezoneId: "Europe/Paris",
      storageState: session,
      viewport: { width, height },
      ...options,
    });
    context.on("page", (page) => watch(page, elsewhere));
    return context.newPage();
  }

  /** Raises a signal in the name of that session, and returns what the API answers. */
  async raise(session, report) {
    const context = await this.#browser.newContext({ baseURL: url, storageState: session });
    const response = await context.request.post("/api/v1/signals", { data: report });
    const text = await response.text();
    await context.close();
    assert.equal(response.status(), 202, text);
    return JSON.parse(text);
  }

  /** Lets the test do `what` (it must know the word) and returns its answer. */
  async ask(what) {
    process.stdout.write(`ask ${what}\n`);
    const { value, done } = await answers.lines.next();
    assert(!done, `nobody answered "${what}"`);
    return value;
  }
}

/** What a page must not do, whoever opened it. */
function watch(page, elsewhere) {
  page.setDefaultTimeout(PATIENCE);
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (!["data:", "blob:"].includes(protocol) && ![new URL(url).origin, elsewhere].includes(origin)) {
      fail(`${page.url()} asked ${request.url()}`);
    }
  });
  page.on("pageerror", (error) => fail(`${page.url()}: ${error.stack}`));
  page.on("console", (message) => {
    // Chromium says so itself when a server is gone or refuses: the page has to deal with it, and is looked at.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      fail(`${page.url()}: ${message.text()}`);
    }
  });
}

/** Looks at the page as axe does, at its present width, and keeps a picture of it. */
export async function inspect(page, name) {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const told = violations.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.map((n) => n.html).join("\n    ")}`);
  await shot(page, name);
  assert.equal(told.length, 0, `${name} has axe violations:\n  ${told.join("\n  ")}`);
  const overflow = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth;
  });
  assert(overflow <= 0, `${name} scrolls sideways by ${overflow} px`);
  await weigh(page, name);
  await valid(page, name);
}

/** The most a page may weigh, compressed, its scripts and styles with it, the map aside. */
const PAGE_KB = 300;

async function weigh(page, name) {
  const { kb, paint } = await page.evaluate(() => {
    const loaded = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
    const own = loaded.filter(({ name }) => !/\/assets\/map\/|\/api\/v1\/events/.test(name));
    const bytes = own.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
    return { kb: bytes / 1024, paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime };
  });
  figure(name, `${kb.toFixed(0)} kB, first paint after ${paint?.toFixed(0) ?? "?"} ms`);
  assert(kb < PAGE_KB, `${name} weighs ${kb.toFixed(0)} kB`);
}

/** Addresses whose page was found valid: it is the same at every width. */
const validated = new Set();

/** Whether what the server sends for this address is valid HTML. */
async function valid(page, name) {
  if (validated.has(page.url())) return;
  validated.add(page.url());
  const response = await page.context().request.get(page.url(), { headers: { Accept: "text/html" } });
  const { results } = await validator.validateString(await response.text());
  const faults = results.flatMap(({ messages }) => messages);
  const told = faults.map(({ line, ruleId, message }) => `line ${line}: ${message} (${ruleId})`);
  assert.equal(told.length, 0, `${name} is not valid HTML:\n  ${told.join("\n  ")}`);
}

/** Goes to `target` by the Tab key alone, as somebody without a mouse does. */
export async function tabTo(page, target) {
  await target.waitFor();
  for (let pressed = 0; pressed < 200; pressed++) {
    await page.keyboard.press("Tab");
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail("the keyboard does not get there");
}

/** Opens the page again until it shows `what`: it is made once, and what it tells of may still be under way. */
export async function reloadUntil(page, what) {
  const deadline = Date.now() + PATIENCE;
  while ((await what.count()) === 0) {
    assert(Date.now() < deadline, `${page.url()} does not come to show ${what}`);
    await page.reload();
  }
}

/** A picture of the whole page, kept as an artifact of the run. */
export async function shot(page, name) {
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}-${page.viewportSize().width}.png`), fullPage: true });
}

/** A figure worth reading in the test's output. */
export function figure(name, value) {
  process.stdout.write(`figure ${name}: ${value}\n`);
}

function fail(why) {
  process.stderr.write(`${why}\n`);
  process.exitCode = 1;
}

const answers = (() => {
  const reader = createInterface({ input: process.stdin });
  return { lines: reader[Symbol.asyncIterator](), close: () => reader.close() };
})();
