// Tests reports in Chromium: node report_page.mjs FOLDER CHROMIUM [--shots].
// FOLDER has the pages as NAME.html; the observations are written to standard output as one JSON
// document. With --shots, screenshots and a PDF for people are written into FOLDER.
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

import { launch } from "../../pipeline/runtimes/js/chromium.mjs";

const [folder, executablePath, shots] = process.argv.slice(2);
const seen = { problems: [], requests: [], pages: {} };
const axe = await readFile(createRequire(`${process.cwd()}/`).resolve("axe-core/axe.min.js"), "utf8").catch(() => null);

const browser = await launch(executablePath);
try {
  for (const file of await readdir(folder)) {
    if (file.endsWith(".html")) seen.pages[basename(file, ".html")] = await visit(file);
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

async function visit(file) {
  // The page forbids scripts; axe is one.
  const context = await browser.newContext({ bypassCSP: true, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const note = (text) => seen.problems.push(`${file}: ${text}`);
  page.on("console", (message) => note(message.text()));
  page.on("pageerror", (error) => note(error.message));
  page.on("request", (request) => request.isNavigationRequest() || request.url().startsWith("data:") || seen.requests.push(request.url()));
  const found = { widths: {}, axe: {}, brokenWords: {}, pictureSizes: {}, rowHeights: {} };
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await page.goto(pathToFileURL(join(folder, file)).href);
      if (shots) await page.screenshot({ path: join(folder, `${basename(file, ".html")}-${width}-${colorScheme}.png`), fullPage: true });
      found.widths[width] = await page.evaluate(() => document.documentElement.scrollWidth);
      found.brokenWords[width] = await brokenWords(page, ".matrix th, .mistakes span");
      found.pictureSizes[width] = await sizes(page, ".mistakes .picture");
      found.rowHeights[width] = await sizes(page, ".matrix tbody tr", "height");
    }
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    if (axe) found.axe[colorScheme] = await violations(page);
  }
  found.cell = await openCell(page);
  found.print = await printed(page, basename(file, ".html"));
  await context.close();
  return found;
}

/** Words of elements that are on more than one line. */
function brokenWords(page, selector) {
  return page.evaluate((selector) => {
    const broken = [];
    for (const element of document.querySelectorAll(selector)) {
      const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        for (const { 0: word, index } of texts.currentNode.data.matchAll(/\w+/g)) {
          const range = document.createRange();
          range.setStart(texts.currentNode, index);
          range.setEnd(texts.currentNode, index + word.length);
          if (range.getClientRects().length > 1) broken.push(word);
        }
      }
    }
    return broken;
  }, selector);
}

/** The different sizes of elements, in pixels. */
function sizes(page, selector, dimension = "width") {
  return page.evaluate(([selector, dimension]) => {
    const found = [...document.querySelectorAll(selector)].map((one) => Math.round(one.getBoundingClientRect()[dimension]));
    return [...new Set(found)];
  }, [selector, dimension]);
}

async function violations(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations, passes } = await window.axe.run();
    return {
      passes: passes.length,
      violations: violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 200)} ${node.failureSummary.slice(0, 300)}`).join("; ")}`),
    };
  });
}

/** Open a cell of the confusion matrix by keyboard, and close it again. */
async function openCell(page) {
  if (!(await page.$(".matrix .wrong button"))) return null;
  await page.focus(".matrix .wrong button");
  await page.keyboard.press("Enter");
  const isOpen = () => page.evaluate(() => document.querySelectorAll(":popover-open .picture").length);
  const pictures = await isOpen();
  await page.keyboard.press("Escape");
  return { pictures, afterEscape: await isOpen() };
}

/** Dark pages are printed on white. */
async function printed(page, name) {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  if (shots) await page.pdf({ path: join(folder, `${name}.pdf`), format: "A4" });
  return { ground };
}
