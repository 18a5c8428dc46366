// Tests requests of a page of another origin: node cross_origin.mjs PAGE SERVER TOKEN CHROMIUM.
// What the page receives is written to standard output as one JSON document.
import { launch } from "../../pipeline/runtimes/js/chromium.mjs";

const [origin, server, token, executablePath] = process.argv.slice(2);
const browser = await launch(executablePath);
try {
  const page = await browser.newPage();
  await page.goto(origin);
  const seen = await page.evaluate(predict, [server, token]);
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}

async function predict([url, secret]) {
  const body = JSON.stringify({ instances: [Array(28).fill(Array(28).fill([0]))] });
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${secret}` };
  try {
    const response = await fetch(`${url}/v1/models/smoke:predict`, { method: "POST", headers, body });
    const document = await response.json();
    return { status: response.status, id: response.headers.get("x-request-id"), document };
  } catch (error) {
    return { error: error.message };
  }
}
