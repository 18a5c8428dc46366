// Runs a page from docs/runtimes.md: node example.mjs PAGE.html FOLDER; prints its first message.
import { join } from "node:path";

import { openBrowser, openPage } from "./chromium.mjs";

const [page, folder] = process.argv.slice(2);
const model = "exported/mlp/1/model.onnx";
const { context } = await openBrowser({ "page.html": page, [model]: join(folder, model) });
await openPage(context, "", (text) => {
  console.log(text);
  process.exit(text.startsWith("error") ? 1 : 0);
});
