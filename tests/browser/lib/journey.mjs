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

/** Widths every page is looked at: an old telephone, a desk. */
export const WIDTHS = [360, 1440];

/** What axe looks for. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

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

  /** A page of that session; `options` are Playwright's. What the page says on its console fails the journey. */
  async page(session, width = 1440, options = {}) {
    const height = width < 600 ? 780 : 900;
    const context = await this.#browser.newContext({
      baseURL: url,
      locale: "fr-FR",
      timezoneId: "Europe/Paris",
      storageState: session,
      viewport: { width, height },
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on("pageerror", (error) => fail(`${page.url()}: ${error.stack}`));
    page.on("console", (message) => {
      // Chromium says so itself when a server is gone or refuses: the page has to deal with it, and is looked at.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        fail(`${page.url()}: ${message.text()}`);
      }
    });
    return page;
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
