// Tests the page with models of one output in Chromium: node gauges.mjs URL FOLDER CHROMIUM.
// Screenshots are written into FOLDER, and the observations to standard output as one JSON document.
import { join } from "node:path";

import { launch } from "../../pipeline/runtimes/js/chromium.mjs";
import { desk, openPage, phone, settled, trace } from "./drawing.mjs";

const [url, folder, executablePath] = process.argv.slice(2);
const gauges = { parity: "balance", digit_value: "line" };
const seen = { console: [], violations: [] };

const browser = await launch(executablePath);
try {
  const page = await open(desk);
  seen.desk = await visitAll(page, "desk");
  seen.outside = await altered(page, (found) => ({ ...found, value: 12.3 }));
  seen.negative = await altered(page, (found) => ({ ...found, value: -0.001 }));
  seen.unsure = await altered(page, (found) => ({ ...found, unsure: true }));
  seen.withoutRange = await altered(page, (found) => ({ ...found, range: null, value: 1234.56 }));
  const small = await open(phone);
  seen.phone = await visitAll(small, "phone");
  seen.phoneWidth = await small.evaluate(() => document.documentElement.scrollWidth);
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

/** Open the page without motion, so that positions can be measured at any time. */
function open(options) {
  return openPage(browser, url, seen, { ...options, reducedMotion: "reduce" });
}

async function visitAll(page, size) {
  const visits = {};
  for (const [model, gauge] of Object.entries(gauges)) {
    await page.selectOption("#model", model);
    await settled(page);
    await page.waitForSelector(`#${gauge}`);
    visits[model] = await visit(page, `${size}-${model}`);
  }
  return visits;
}

async function visit(page, name) {
  const empty = await look(page);
  const drawn = {};
  for (const digit of ["4", "7"]) {
    await trace(page, digit);
    drawn[digit] = await look(page);
  }
  await shoot(page, `${name}-light`);
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: "light" });
  const spoken = await announced(page, drawn["7"]);
  await page.click("#clear");
  return { empty, drawn, spoken, cleared: await look(page) };
}

/** Return the announcement to screen readers, once it is that of the prediction. */
async function announced(page, { label, probability }) {
  const text = await page.waitForFunction(([label, probability]) => {
    const { textContent } = document.getElementById("spoken");
    return textContent.includes(label) && textContent.includes(probability) && textContent;
  }, [label, probability]);
  return text.jsonValue();
}

/** Draw a seven, for which the server's response is altered in transit. */
async function altered(page, alter) {
  await page.route("**/*:classify-image", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: alter(await response.json()) });
  });
  await trace(page, "7");
  const found = await look(page);
  await page.unroute("**/*:classify-image");
  return found;
}

async function shoot(page, name) {
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Return the content of the page once it has no pending requests. */
async function look(page) {
  await page.waitForSelector('#strip[aria-busy="false"]');
  return page.evaluate(() => {
    const text = (id) => document.getElementById(id).textContent;
    const shown = ["bars", "balance", "line"].filter((id) => document.getElementById(id).checkVisibility());
    const gauge = shown.length === 1 ? document.getElementById(shown[0]) : null;
    const track = gauge?.querySelector(".track");
    const [fill, marker] = [".fill", ".marker"].map((part) => track?.querySelector(part));
    const { left, width } = track?.getBoundingClientRect() ?? {};
    const across = (x) => (x - left) / width; // 0 to 1 from the left end of the track
    const ends = (part) => {
      const box = part.getBoundingClientRect();
      return [across(box.left), across(box.right)];
    };
    return {
      shown,
      purpose: text("purpose"),
      label: text("label"),
      probability: text("probability"),
      unsure: !document.getElementById("unsure").hidden,
      doubtful: gauge?.classList.contains("doubtful") ?? null,
      paperTop: document.getElementById("paper").getBoundingClientRect().top,
      meter: Object.fromEntries([...(track?.attributes ?? [])].map(({ name, value }) => [name, value])),
      marked: marker ? getComputedStyle(marker).visibility === "visible" : null,
      fill: fill ? ends(fill) : null,
      marker: marker ? ends(marker) : null,
      ends: [...document.querySelectorAll("#balance .end")].map((end) => ({
        name: end.querySelector(".name").textContent,
        number: end.querySelector(".number").textContent,
        best: end.classList.contains("best"),
      })),
      ticks: [...document.querySelectorAll("#line .ticks li")].map(({ textContent }) => textContent),
      outside: document.querySelector("#line .outside").textContent,
    };
  });
}
