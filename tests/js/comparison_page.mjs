// Opens the page of a comparison in Chromium: node comparison_page.mjs FILE FOLDER CHROMIUM.
// Screenshots are written into FOLDER, and the observations to standard output as one JSON document.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { launch } from "../../pipeline/runtimes/js/chromium.mjs";

const [file, folder, executablePath] = process.argv.slice(2);
const seen = { problems: [], requests: [], widths: {} };

const browser = await launch(executablePath);
try {
  for (const [width, colorScheme] of [[1280, "light"], [390, "dark"], [390, "light"]]) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on("console", (message) => seen.problems.push(message.text()));
    page.on("pageerror", (error) => seen.problems.push(error.message));
    page.on("request", (request) => seen.requests.push(request.url().slice(0, 40)));
    await page.goto(pathToFileURL(file).href);
    await page.waitForFunction(() => [...document.querySelectorAll("svg")].every((svg) => svg.children.length));
    seen.widths[`${width} ${colorScheme}`] = await page.evaluate(() => document.documentElement.scrollWidth);
    await page.screenshot({ path: join(folder, `comparison-${width}-${colorScheme}.png`), fullPage: true });
    Object.assign(seen, await page.evaluate(look));
    seen.opened = await openByKeyboard(page);
    await page.close();
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

function look() {
  const texts = (selector) => [...document.querySelectorAll(selector)].map((found) => found.textContent);
  const inside = (svg) => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("path, text, circle")].every((part) => {
      const own = part.getBoundingClientRect();
      return own.left >= box.left - 1 && own.right <= box.right + 1 && own.top >= box.top - 8 && own.bottom <= box.bottom + 8;
    });
  };
  return {
    title: document.title,
    sides: texts("#sides li"),
    headings: texts("h2"),
    scrolled: [...document.querySelectorAll(".scroll")].filter((one) => one.scrollWidth > one.clientWidth)
      .map((one) => one.getAttribute("aria-label")),
    curves: [...document.querySelectorAll("svg")].map((svg) => svg.querySelectorAll("path").length),
    drawnInside: [...document.querySelectorAll("svg")].every(inside),
    endLabels: texts("svg text.letter"),
    pictures: [...document.querySelectorAll("img")].map((image) => [image.naturalWidth, image.alt]),
    unnamed: [...document.querySelectorAll("img, svg, [role=region]")].filter(
      (found) => !found.alt && !found.getAttribute("aria-label")).length,
  };
}

// Tab to each of the foldable lists and open it.
async function openByKeyboard(page) {
  const lists = await page.locator("details").count();
  for (let opened = 0, pressed = 0; opened < lists && pressed < 100; pressed++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.tagName === "SUMMARY")) {
      await page.keyboard.press("Enter");
      opened++;
    }
  }
  return (await page.locator("details[open]").count()) === lists;
}
