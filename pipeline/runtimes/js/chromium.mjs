// Pages in headless Chromium whose requests are served from files; all others are aborted.
import { readFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { modules, require } from "./packages.mjs";

const { chromium } = require("playwright-core");

export const here = dirname(fileURLToPath(import.meta.url));
const runtime = join(modules, "onnxruntime-web", "dist");
const site = "https://model.localhost"; // never resolved: no request leaves the page
// WebAssembly threads require both headers.
const isolated = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
const types = { html: "text/html", mjs: "text/javascript", wasm: "application/wasm" };

/** Start Chromium without background requests. */
export function launch(executablePath) {
  return chromium.launch({
    executablePath,
    // Chromium's sandbox does not work for root.
    chromiumSandbox: process.getuid() !== 0,
    args: ["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** Start a browser whose pages can load `files` (name -> path) and those of onnxruntime-web. */
export async function openBrowser(executablePath, files) {
  const served = { ...files };
  for (const name of await readdir(runtime)) served[name] = join(runtime, name);
  const browser = await launch(executablePath);
  const context = await browser.newContext();
  await context.route("**/*", async (route) => {
    const name = new URL(route.request().url()).pathname.slice(1);
    if (!Object.hasOwn(served, name)) return route.abort();
    const contentType = types[name.split(".").pop()] ?? "application/octet-stream";
    return route.fulfill({ body: await readFile(served[name]), contentType, headers: isolated });
  });
  return { browser, context };
}

/** Open page.html with a query string; console messages and errors are passed to `onConsole`. */
export async function openPage(context, query = "", onConsole = () => {}) {
  const page = await context.newPage();
  page.on("console", (message) => onConsole(message.text()));
  page.on("pageerror", (error) => onConsole(`error: ${error.message}`));
  await page.goto(`${site}/page.html${query}`);
  return page;
}

/** Return the ids of all renderer processes, including those of our pages. */
export async function renderers(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.filter((info) => info.type === "renderer").map((info) => info.id);
}
