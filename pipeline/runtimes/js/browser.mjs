// onnxruntime-web in Chromium: node browser.mjs MODEL.onnx CHROMIUM; requests as in pipe.mjs.
import { join } from "node:path";

import { here, openBrowser, openPage, renderers } from "./chromium.mjs";
import { send, serve } from "./pipe.mjs";

// The number of WebAssembly threads is fixed per page: single images and batches need two pages.
const pages = new Map();
let processes = [];

async function open({ browser, context }, threads) {
  const page = await openPage(context, `?threads=${threads}`);
  pages.set(threads, page);
  const description = await page.evaluate(() => window.openModel());
  processes = await renderers(browser);
  return description;
}

async function start() {
  try {
    return await openBrowser(process.argv[3], {
      "page.html": join(here, "page.html"),
      "session.mjs": join(here, "session.mjs"),
      "model.onnx": process.argv[2],
    });
  } catch (error) {
    send({ failure: String(error) }); // a failure of the browser, not of the model
    return process.exit(1);
  }
}

try {
  const started = await start();
  const description = await open(started, 1);
  send({ ...description, processes });
  serve(async ({ body, ...request }) => {
    if (!pages.has(request.threads)) await open(started, request.threads);
    const sent = [request, body.toString("base64")];
    const page = pages.get(request.threads);
    const result = await page.evaluate(([head, text]) => window.predict(head, text), sent);
    return { ...result, processes, body: Buffer.from(result.body, "base64") };
  });
} catch (error) {
  send({ error: String(error) });
  process.exit(1); // Chromium exits with this process
}
