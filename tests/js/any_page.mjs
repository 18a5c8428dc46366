// Visits the page with models of any pictures in Chromium: node any_page.mjs URL FOLDER CHROMIUM.
// Screenshots are written into FOLDER, and the observations to standard output as one JSON document.
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { launch } from "../../pipeline/runtimes/js/chromium.mjs";
import { desk, openPage, settled, trace } from "./drawing.mjs";

const [url, folder, executablePath] = process.argv.slice(2);
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const seen = { console: [], violations: [] };

const browser = await launch(executablePath);
try {
  for (const [size, options] of Object.entries({ desk, phone })) {
    const page = await openPage(browser, url, seen, { ...options, reducedMotion: "reduce" }, { before: slowDown });
    seen[size] = {};
    for (const model of await page.$$eval("#model option", (options) => options.map(({ value }) => value))) {
      seen[size][model] = await visit(page, model, size);
    }
    seen[size].width = await page.evaluate(() => document.documentElement.scrollWidth);
  }
  seen.refused = await refused();
  seen.token = await withToken();
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

/** Descriptions and examples come late, as from a distant server: nothing may be read before. */
async function slowDown(page) {
  await page.route(/\/v1\/models\/\w+(\/examples)?$/, async (route) => {
    await setTimeout(300);
    await route.continue();
  });
}

async function visit(page, model, size) {
  await page.selectOption("#model", model);
  await settled(page);
  const empty = await look(page);
  const drawn = (await page.isVisible("#paper")) ? await byPen(page) : null;
  await page.click("#examples button:nth-child(4)");
  await page.waitForSelector('#strip[aria-busy="false"]');
  await page.waitForFunction(() => document.getElementById("label").textContent !== "?");
  await page.evaluate(() => (document.getElementById("why").open = true));
  await page.waitForFunction(() => document.querySelectorAll("#reasons p").length);
  const example = await look(page);
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(folder, `${size}-${model}-${colorScheme}.png`), fullPage: true });
  }
  await page.evaluate(() => (document.getElementById("why").open = false));
  await page.click("#clear");
  return { empty, drawn, example, cleared: await look(page) };
}

async function byPen(page) {
  await trace(page, "1");
  const found = await look(page);
  await page.click("#clear");
  return found;
}

/** A network that cannot be explained: the server's sentence is shown in place of the picture. */
async function refused() {
  const page = await openPage(browser, url, seen, desk, { expectTrouble: true });
  await page.route("**/*:explain", (route) => route.fulfill({
    status: 400, contentType: "application/json", body: JSON.stringify({ error: "It has the activation tanh." }),
  }));
  await page.click("#examples button");
  await page.waitForSelector("#why:not([hidden])");
  await page.click("#why summary");
  await page.waitForSelector("#reasons p");
  return { text: await page.textContent("#reasons"), evidence: await page.isVisible("#evidence") };
}

/** With a token, which links cannot send, there are none; the command names it. */
async function withToken() {
  const page = await openPage(browser, url, seen, desk, {
    before: (opened) => opened.addInitScript(() => sessionStorage.setItem("dense-pipeline token", "secret")),
  });
  await page.waitForFunction(() => document.getElementById("curl").textContent);
  await page.click("#program summary");
  await page.click("#copy");
  await page.waitForFunction(() => document.getElementById("copy").textContent !== "Copy");
  return { curl: await page.textContent("#curl"), links: await page.$$eval("#links a", (found) => found.length) };
}

async function look(page) {
  await page.waitForSelector('#strip[aria-busy="false"]');
  return page.evaluate(() => {
    const text = (id) => document.getElementById(id).textContent;
    const visible = (id) => document.getElementById(id).checkVisibility();
    const canonical = document.getElementById("canonical");
    const copy = new OffscreenCanvas(canonical.width, canonical.height);
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canonical, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    const middle = 4 * (copy.width / 2 + copy.width * (copy.height / 2));
    const rows = Array.from({ length: copy.height }, (_, row) =>
      Math.max(...data.slice(4 * copy.width * row, 4 * copy.width * (row + 1)).filter((_, index) => index % 4 < 3)));
    return {
      purpose: text("purpose"),
      invited: text("invited"),
      label: text("label"),
      probability: text("probability"),
      source: text("source"),
      explanation: text("explanation"),
      version: document.querySelector("#version option").textContent,
      paper: visible("paper"),
      why: visible("why"),
      reasons: text("reasons"),
      curl: text("curl"),
      shown: ["bars", "balance", "line"].filter(visible),
      links: [...document.querySelectorAll("#links a")].map(({ textContent, href }) => [textContent, href]),
      examples: document.querySelectorAll("#examples img").length,
      seen: { width: canonical.width, height: canonical.height, middle: [...data].slice(middle, middle + 3), rows },
      bars: [...document.querySelectorAll("#bars li")].map((item) => ({
        name: item.querySelector(".name").textContent,
        probability: Number(item.querySelector(".bar").style.getPropertyValue("--probability")),
        slight: item.classList.contains("slight"),
      })),
    };
  });
}
