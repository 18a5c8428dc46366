// Tests pages of studies in Chromium: node study_page.mjs FOLDER CHROMIUM [--shots].
// FOLDER has the pages as NAME.html; the observations are written to standard output as one JSON
// document. With --shots, screenshots for people are written into FOLDER.
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

import { launch } from "../../pipeline/runtimes/js/chromium.mjs";

const [folder, executablePath, shots] = process.argv.slice(2);
const desk = { viewport: { width: 1280, height: 900 }, reducedMotion: "reduce" };
const phone = { viewport: { width: 390, height: 844 }, reducedMotion: "reduce" };
const seen = { problems: [], requests: [], pages: {} };

const browser = await launch(executablePath);
try {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".html"));
  const page = await open("grid", phone);
  await slowDown(page);
  for (const name of names) seen.pages[basename(name, ".html")] = await load(page, name);
  seen.grid = await visit(await open("grid", desk));
  seen.keyboard = await byKeyboard(await open("grid", desk));
  seen.withoutScript = await withoutScript();
  seen.print = await printed(await open("grid", { ...desk, colorScheme: "dark" }));
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

function urlOf(file) {
  return pathToFileURL(join(folder, file)).href;
}

async function open(name, options) {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(20_000);
  const note = (text) => seen.problems.push(`${page.url()}: ${text}`);
  page.on("console", (message) => note(message.text()));
  page.on("pageerror", (error) => note(error.message));
  page.on("dialog", (dialog) => { note("dialog"); dialog.dismiss(); });
  page.on("request", (request) => request.isNavigationRequest() || seen.requests.push(request.url()));
  await page.goto(urlOf(`${name}.html`));
  return page;
}

/** Let scripts take long: what they change after the page was first shown would move it. */
async function slowDown(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: 20 });
}

/** Load a page in the sizes of a phone and of wide screens. */
async function load(page, file) {
  await page.setViewportSize(phone.viewport);
  await page.goto(urlOf(file));
  if (shots) await shoot(page, basename(file, ".html"));
  const shift = await page.evaluate(layoutShift);
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  const found = await page.evaluate(() => ({
    text: document.body.innerText,
    added: document.querySelectorAll("img, iframe, b b, i, [onclick], body script:not([type]) ~ script").length,
    lines: document.querySelectorAll("#chart .mean").length,
    isHeatMapShown: !document.getElementById("heat").hidden,
  }));
  Object.assign(found, { shift, widths: {} });
  for (const width of [390, 800, 1920]) {
    await page.setViewportSize({ width, height: 844 });
    found.widths[width] = await page.evaluate(() => document.documentElement.scrollWidth);
  }
  return found;
}

/** Return how much the layout has moved since the page was loaded. */
function layoutShift() {
  return new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => { sum += value; }))
      .observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
  });
}

/** Operate the controls; the places below the chart must not move. */
async function visit(page) {
  const axes = {};
  const tops = [await topOf(page, "#heat")];
  for (const across of ["epochs", "gradients", "images", "seconds"]) {
    await page.check(`#across input[value=${across}]`);
    axes[across] = await labels(page);
    tops.push(await topOf(page, "#heat"));
  }
  await page.check("#across input[value=gradients]");
  await page.setChecked("#log-across", false);
  const linear = await labels(page);
  await page.check("#log-measure");
  const error = await labels(page);
  await page.check("#measure input[value='1']");
  await page.check("#log-measure");
  const loss = await labels(page);
  await page.hover("#combinations tbody tr:nth-child(8)");
  const pointed = await look(page);
  tops.push(await topOf(page, "#heat"));
  await page.uncheck("#combinations tbody tr:nth-child(1) input");
  const removed = await look(page);
  await page.check("#combinations tbody tr:nth-child(8) input");
  await page.check("#combinations tbody tr:nth-child(9) input");
  const replaced = await look(page);
  await page.mouse.move(...await endOfLine(page));
  const followed = await look(page);
  await page.click("#heat-map tbody tr:nth-child(2) th button");
  const row = await look(page);
  await page.click("#combinations th:nth-child(5) button");
  const sorted = await column(page, 5);
  await page.click("#combinations th:nth-child(5) button");
  const reversed = await column(page, 5);
  await page.selectOption("#heat-rows", { label: "batch size" });
  const exchanged = await page.$$eval("#heat select", (found) => found.map((one) => one.selectedOptions[0].label));
  await page.click("#clear");
  const none = await look(page);
  const copied = await copy(page);
  return { axes, linear, error, loss, pointed, removed, replaced, followed, row, sorted, reversed, exchanged, none, copied, tops };
}

function labels(page) {
  return page.$$eval("#chart .tick, #chart .title", (found) => found.map((one) => one.textContent));
}

function look(page) {
  return page.evaluate(() => ({
    letters: [...document.querySelectorAll("#combinations .letter")].map((one) => one.textContent).join(""),
    chosen: document.querySelectorAll("#combinations input:checked").length,
    colored: document.querySelectorAll("#chart svg > g:not(.highlight) .mean").length,
    gray: document.querySelectorAll("#chart .gray").length,
    seeds: document.querySelectorAll("#chart .highlight .seed").length,
    readout: document.getElementById("readout").textContent,
  }));
}

/** Copy the command; without the permission it is selected, to be copied by hand. */
async function copy(page) {
  await page.evaluate(() => { navigator.clipboard.writeText = (text) => { window.copied = text; }; });
  await page.click("#copy:text('Copy')");
  await page.waitForSelector("#copy:text('Copied')");
  const text = await page.evaluate(() => window.copied);
  await page.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new Error("denied")); });
  await page.click("#copy");
  await page.waitForSelector("#copy:text('Selected')");
  return { text, selected: await page.evaluate(() => getSelection().toString()) };
}

/** Return where the first line in color ends in the window. */
function endOfLine(page) {
  return page.evaluate(() => {
    document.getElementById("chart").scrollIntoView({ block: "center" });
    const path = document.querySelector("#chart svg > g:not(.highlight) .mean");
    const { x, y } = path.getPointAtLength(path.getTotalLength()).matrixTransform(path.getScreenCTM());
    return [x - 1, y];
  });
}

function column(page, number) {
  return page.$$eval(`#combinations tbody td:nth-child(${number})`, (cells) => cells.map((one) => one.textContent));
}

async function topOf(page, selector) {
  return page.$eval(selector, (one) => one.getBoundingClientRect().top + scrollY);
}

/** Reach a cell of the heat map by keyboard, and color its line. */
async function byKeyboard(page) {
  await page.click("#clear");
  await page.focus("#heat-columns");
  for (let count = 0; count < 20; count++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => Boolean(document.activeElement.closest("#heat-map td")))) break;
  }
  const name = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  const pointed = await look(page);
  await page.keyboard.press("Enter");
  return { name, pointed, entered: await look(page) };
}

async function withoutScript() {
  const page = await open("grid", { ...desk, javaScriptEnabled: false });
  const text = await page.innerText("body");
  const shown = {};
  for (const id of ["curves", "heat", "combinations", "target"]) shown[id] = await page.isVisible(`#${id}`);
  return { text, shown };
}

/** Dark pages are printed on white. */
async function printed(page) {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  return { ground, controls: await page.isVisible(".controls") };
}

async function shoot(page, name) {
  for (const [width, scheme] of [[390, "light"], [390, "dark"], [1280, "light"], [1280, "dark"]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme });
    await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`), fullPage: true });
  }
}
