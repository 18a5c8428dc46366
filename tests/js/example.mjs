// Runs a page from docs/runtimes.md, and prints its first console message:
// node example.mjs CHROMIUM PAGE.html FOLDER
import { join } from "node:path";

import { openBrowser, openPage } from "../../pipeline/runtimes/js/chromium.mjs";

const [chromium, page, folder] = process.argv.slice(2);
const model = "exported/mlp/1/model.onnx";
const { context } = await openBrowser(chromium, { "page.html": page, [model]: join(folder, model) });
await openPage(context, "", (text) => {
  console.log(text);
  process.exit(text.startsWith("error") ? 1 : 0);
});
