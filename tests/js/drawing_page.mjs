// Tests the server's page in Chromium: node drawing_page.mjs URL FOLDER CHROMIUM.
// Screenshots are written into FOLDER, and the observations to standard output as one JSON document.
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { launch } from "../../pipeline/runtimes/js/chromium.mjs";
import { desk, digits, openPage, phone, trace } from "./drawing.mjs";

const [url, folder, executablePath] = process.argv.slice(2);
const { origin } = new URL(url);
const seen = { console: [], violations: [], foreign: [] };

const browser = await launch(executablePath);
try {
  const page = await open(desk);
  seen.title = await page.title();
  seen.empty = await look(page);
  seen.requestsWhenEmpty = page.asked.length;
  seen.mouse = { 7: await drawn(page, "7"), 1: await drawn(page, "1"), 4: await drawn(page, "4") };
  seen.undone = await undone(page);
  seen.cleared = await cleared(page);
  seen.keyboard = await byKeyboard(page);
  seen.spoken = await spoken(page);
  seen.mostInFlight = page.mostInFlight;
  seen.moving = await moving(page);
  seen.pictures = await pictures(page);
  await page.waitForTimeout(2000); // until the prompt is drawn
  await shoot(page, "empty");
  await drawn(page, "7");
  await shoot(page, "light");
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(page, "dark");
  seen.touch = await byTouch(await open(phone));
  const calm = await open({ ...desk, reducedMotion: "reduce" });
  seen.animations = await calm.evaluate(() => document.getAnimations().length);
  seen.reachable = await reachable(calm);
  seen.versions = await versions(calm);
  seen.number = await number(await open(desk, { expectTrouble: true }));
  seen.troubles = await troubles(await open(desk, { expectTrouble: true }));
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

function open(options, more) {
  return openPage(browser, url, seen, options, { before: countRequests, ...more });
}

function countRequests(page) {
  let inFlight = 0;
  Object.assign(page, { asked: [], mostInFlight: 0 });
  const ofServer = (request) => new URL(request.url()).pathname.startsWith("/v1/");
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== origin) {
      seen.foreign.push(request.url());
    }
    if (!ofServer(request)) return;
    page.mostInFlight = Math.max(page.mostInFlight, ++inFlight);
    if (request.method() === "POST") page.asked.push(new URL(request.url()).pathname);
  });
  for (const end of ["requestfinished", "requestfailed"]) {
    page.on(end, (request) => ofServer(request) && inFlight--);
  }
}

/** Return the content of the page once it has no pending requests. */
async function look(page) {
  await page.waitForSelector('#strip[aria-busy="false"]');
  return page.evaluate(() => {
    const text = (id) => document.getElementById(id).textContent;
    const canonical = document.getElementById("canonical");
    const copy = new OffscreenCanvas(canonical.width, canonical.height);
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canonical, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    const lit = data.filter((value, index) => index % 4 === 0 && value > 0).length;
    return {
      label: text("label"),
      probability: text("probability"),
      unsure: !document.getElementById("unsure").hidden,
      source: text("source"),
      paperTop: document.getElementById("paper").getBoundingClientRect().top,
      notice: text("notice"),
      bars: Object.fromEntries([...document.querySelectorAll("#bars li")].map((item) => [
        item.querySelector(".name").textContent,
        Number(item.querySelector(".bar").style.getPropertyValue("--probability")),
      ])),
      best: document.querySelector("#bars .best .name")?.textContent ?? null,
      canonical: { width: canonical.width, height: canonical.height, lit },
    };
  });
}

async function shoot(page, name) {
  await page.waitForTimeout(200); // until the bars are at rest
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

async function drawn(page, digit) {
  await trace(page, digit);
  return look(page);
}

/** A four has two strokes: without the second it is another digit or none. */
async function undone(page) {
  await page.keyboard.press("Control+z");
  return { afterOne: await look(page), strokes: await page.getAttribute("#paper", "aria-label") };
}

async function cleared(page) {
  await page.keyboard.press("Escape");
  const empty = await look(page);
  await page.click("#undo");
  const back = await look(page);
  await page.click("#clear");
  return { empty, back };
}

/** Draw a seven with arrow keys and the space bar; two arrows together draw the slope. */
async function byKeyboard(page) {
  const press = async (key, times) => {
    for (let count = 0; count < times; count++) await page.keyboard.press(key);
  };
  await page.focus("#paper");
  await press("ArrowLeft", 5);
  await press("ArrowUp", 6);
  await press("Space", 1);
  await press("ArrowRight", 10);
  await page.keyboard.down("ArrowLeft");
  await press("ArrowDown", 6);
  await page.keyboard.up("ArrowLeft");
  await press("ArrowDown", 7);
  await shoot(page, "keyboard");
  await press("Space", 1);
  return look(page);
}

/** Return the announcements to screen readers: only stable predictions, not every change. */
async function spoken(page) {
  await page.evaluate(() => {
    window.said = [];
    const region = document.getElementById("spoken");
    new MutationObserver(() => window.said.push(region.textContent)).observe(region, { childList: true });
  });
  await drawn(page, "1");
  await page.waitForFunction(() => window.said.at(-1)?.startsWith("1, "));
  await page.waitForTimeout(1200); // in case it is announced twice
  return page.evaluate(() => window.said);
}

/** Count the predictions that are shown before the pen is lifted. */
async function moving(page) {
  await page.click("#clear");
  const before = page.asked.length;
  const { x, y, width, height } = await page.locator("#paper").boundingBox();
  const shown = new Set();
  await page.mouse.move(x + 0.5 * width, y + 0.2 * height);
  await page.mouse.down();
  const end = Date.now() + 20_000;
  for (let step = 1; step <= 12 || (shown.size < 3 && Date.now() < end); step++) {
    const [across, down] = [0.002 * step, 0.05 * Math.min(step, 12)];
    await page.mouse.move(x + (0.5 + across) * width, y + (0.2 + down) * height);
    await page.waitForTimeout(60);
    shown.add(await page.textContent("#probability"));
  }
  await page.mouse.up();
  return { asked: page.asked.length - before, shown: shown.size };
}

/** Submit a dark zero on a light background in three formats: chosen, dropped and pasted. */
async function pictures(page) {
  const make = (type) => page.evaluate(([type, points]) => {
    const canvas = document.createElement("canvas");
    canvas.width = 300;
    canvas.height = 200;
    const context = canvas.getContext("2d");
    context.fillStyle = "#f4ecd8";
    context.fillRect(0, 0, 300, 200);
    context.lineWidth = 13;
    context.strokeStyle = "#23314f";
    context.beginPath();
    for (const [x, y] of points) context.lineTo(50 + 200 * x, 200 * y);
    context.stroke();
    return canvas.toDataURL(type).split(",")[1];
  }, [type, digits[0][0]]);

  const jpeg = Buffer.from(await make("image/jpeg"), "base64");
  const before = predictionsAsked(page);
  await page.setInputFiles("#file", { name: "zero.jpg", mimeType: "image/jpeg", buffer: jpeg });
  const chosen = { ...(await taken(page, before)), described: await page.getAttribute("#paper", "aria-label") };
  await shoot(page, "picture");
  await page.click("#clear");
  const dropped = await arrive(page, { event: "drop", type: "image/png", base64: await make("image/png") });
  await page.keyboard.press("Escape");
  const pasted = await arrive(page, { event: "paste", type: "image/webp", base64: await make("image/webp") });
  const refused = await arrive(page, { event: "drop", type: "text/plain", base64: "YQ==" });
  await page.click("#clear");
  return { chosen, dropped, pasted, refused: refused.notice };
}

/** Choose a picture of a number, then one that the browser cannot show. */
async function number(page) {
  const visible = async () => [await page.isVisible("#picture"), await page.isVisible("#unshown")];
  await page.setInputFiles("#file", fileURLToPath(new URL("../../samples/number_172.png", import.meta.url)));
  await page.waitForSelector("#boxes rect");
  await shoot(page, "number");
  const found = { ...(await look(page)), visible: await visible() };
  found.boxes = await page.evaluate(() => {
    // The picture is as wide as the pad, and in the middle of it.
    const pad = document.getElementById("pad").getBoundingClientRect();
    const { naturalWidth, naturalHeight } = document.getElementById("picture");
    const scale = naturalWidth / pad.width;
    const top = pad.top + (pad.height - naturalHeight / scale) / 2;
    return [...document.querySelectorAll("#boxes rect")].map((element) => {
      const box = element.getBoundingClientRect();
      return [box.left - pad.left, box.top - top, box.right - pad.left, box.bottom - top].map((side) => scale * side);
    });
  });
  await page.click("#clear");
  const cleared = { visible: await visible(), boxes: await page.locator("#boxes rect").count() };
  await page.setInputFiles("#file", { name: "page.tiff", mimeType: "image/tiff", buffer: Buffer.from("nonsense") });
  await page.waitForSelector("#notice p");
  await page.waitForSelector("#unshown:not([hidden])");
  const unshown = { ...(await look(page)), visible: await visible() };
  await page.click("#clear");
  return { found, cleared, unshown, after: await visible() };
}

async function arrive(page, given) {
  const before = predictionsAsked(page);
  await page.evaluate(({ event, type, base64 }) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "given", { type }));
    const options = { bubbles: true, cancelable: true };
    document.body.dispatchEvent(event === "drop"
      ? new DragEvent("drop", { ...options, dataTransfer: transfer })
      : new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
  }, given);
  return taken(page, before);
}

/** Count predictions without explanations, which the page asks for once it shows a prediction. */
function predictionsAsked(page) {
  return page.asked.filter((path) => !path.endsWith(":explain")).length;
}

/** Look at the page after a file was sent or rejected; files are read asynchronously. */
async function taken(page, before) {
  while (predictionsAsked(page) === before && (await page.textContent("#notice")) === "") {
    await page.waitForTimeout(20);
  }
  return look(page);
}

/**
 * Choose another version, and read the message about an unavailable one.
 *
 * The server may have only one version: the list is modified in transit, predictions are real.
 */
async function versions(page) {
  let real;
  await page.route("**/v1/models/*", async (route) => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    const described = await response.json();
    real = described.default_version;
    const status = (version, state, error_message = "") => ({ version, state, status: { error_message } });
    return route.fulfill({
      response,
      json: {
        ...described,
        default_version: "9001",
        versions: { ...described.versions, 9001: { score: { name: "accuracy", value: 0.984 }, documents: [] } },
        labels: { stable: "9001", canary: real },
        model_version_status: [
          status("9002", "END", "its files were altered"),
          status("9001", "AVAILABLE"),
          status(real, "AVAILABLE"),
        ],
      },
    });
  });
  await page.reload();
  await page.waitForSelector("#model:enabled");
  const offered = await page.$$eval("#version option", (options) =>
    options.map(({ text, disabled }) => ({ text, disabled })));
  const asked = () => page.asked.at(-1).split("/models/")[1].replace(/^[^/:]+/, "");
  const byDefault = { ...(await drawn(page, "7")), asked: asked() };
  await page.selectOption("#version", real);
  const chosen = { ...(await look(page)), asked: asked() };
  const unavailable = await page.textContent("#unavailable li");
  await page.unroute("**/v1/models/*");
  return { real, offered, byDefault, chosen, unavailable };
}

/** Return the elements that the tab key reaches, in order. */
async function reachable(page) {
  const reached = [];
  for (let count = 0; count < 12; count++) {
    await page.keyboard.press("Tab");
    const id = await page.evaluate(() => document.activeElement.id || document.activeElement.localName);
    if (id === "body" || reached.includes(id)) break;
    reached.push(id);
  }
  return reached;
}

async function byTouch(page) {
  const session = await page.context().newCDPSession(page);
  const touch = (type, touchPoints) => session.send("Input.dispatchTouchEvent", { type, touchPoints });
  const before = await look(page);
  const { x, y, width, height } = await page.locator("#paper").boundingBox();
  for (const [start, ...points] of digits[4]) {
    const at = ([left, top]) => [{ x: x + left * width, y: y + top * height }];
    await touch("touchStart", at(start));
    for (const point of between(start, points)) await touch("touchMove", at(point));
    await touch("touchEnd", []);
  }
  const prediction = await look(page);
  await shoot(page, "phone");
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(page, "phone-dark");
  const layout = await page.evaluate(() => ({
    scrolled: scrollY,
    width: document.documentElement.scrollWidth,
    targets: [...document.querySelectorAll("button, select, .tools label")]
      .filter((item) => item.checkVisibility())
      .map((item) => Math.round(item.getBoundingClientRect().height)),
  }));
  return { before, prediction, doubted: await doubted(page), ...layout };
}

/** Return the page's messages if the server is down or busy, rejects, is unsure, or wants a token. */
async function troubles(page) {
  const requests = "**/v1/**";
  const found = {};
  await page.route(requests, (route) => route.abort());
  found.away = await noticed(page, "7");
  await shoot(page, "away");
  await page.unroute(requests);
  found.recovered = await look(page);

  const busy = jsonResponse(429, { error: "Too many requests." }, { "Retry-After": "1" });
  await page.route("**/*:classify-image", (route) => route.fulfill(busy), { times: 1 });
  found.busy = await noticed(page, "1");
  found.afterBusy = await look(page);

  const error = "An image must be a PNG, JPEG or WebP file; got nothing of that kind.";
  await drawn(page, "4"); // a prediction that must disappear
  await page.route("**/*:classify-image", (route) => route.fulfill(jsonResponse(400, { error })));
  await page.click("#undo");
  await page.waitForSelector("#notice p");
  found.refused = { sent: error, ...(await look(page)) };
  await page.unroute("**/*:classify-image");
  await page.click("#clear");
  found.afterClear = await look(page);

  found.unsure = await doubted(page);
  found.token = await withToken(page);
  return found;
}

function jsonResponse(status, body, headers = {}) {
  return { status, headers, contentType: "application/json", body: JSON.stringify(body) };
}

async function noticed(page, digit) {
  const drawing = trace(page, digit);
  const text = await page.waitForFunction(() => document.querySelector("#notice p")?.parentNode.textContent);
  await drawing;
  return text.jsonValue();
}

async function doubted(page) {
  await page.route("**/*:classify-image", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), unsure: true } });
  });
  const prediction = await drawn(page, "4");
  await shoot(page, page.viewportSize().width < 600 ? "phone-unsure" : "unsure");
  await page.unroute("**/*:classify-image");
  return prediction;
}

async function withToken(page) {
  const given = [];
  await page.route("**/v1/**", async (route) => {
    const { authorization } = route.request().headers();
    given.push(authorization ?? null);
    if (authorization === "Bearer open sesame") return route.continue();
    return route.fulfill(jsonResponse(401, { error: "A token is missing." }, { "WWW-Authenticate": "Bearer" }));
  });
  await trace(page, "7");
  await page.waitForSelector("#token:not([hidden])");
  await page.fill("#secret", "wrong");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#token:not([hidden])");
  await page.waitForFunction(() => document.getElementById("notice").textContent.includes("token"));
  const wrong = await page.textContent("#notice");
  await shoot(page, "token");
  await page.fill("#secret", "open sesame");
  await page.keyboard.press("Enter");
  const prediction = await look(page);
  return { wrong, prediction, given: [...new Set(given)], hidden: await page.isHidden("#token") };
}

function* between(start, points, steps = 8) {
  let [x, y] = start;
  for (const [right, down] of points) {
    for (let step = 1; step <= steps; step++) {
      yield [x + ((right - x) * step) / steps, y + ((down - y) * step) / steps];
    }
    [x, y] = [right, down];
  }
}
