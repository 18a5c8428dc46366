// Opens the server's page in Chromium, and draws digits on it.

export const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
export const desk = { viewport: { width: 1280, height: 800 } };

// Strokes as points; x and y are 0 to 1 from the top left corner.
export const digits = {
  7: [[[0.28, 0.24], [0.72, 0.24], [0.44, 0.82]]],
  1: [[[0.5, 0.18], [0.5, 0.82]]],
  4: [[[0.36, 0.2], [0.3, 0.54], [0.7, 0.54]], [[0.64, 0.2], [0.62, 0.84]]],
  0: [ellipse(0.5, 0.5, 0.2, 0.3)],
};

/** Open the page in a new context, after `before(page)`; problems are recorded in `seen`. */
export async function openPage(browser, url, seen, options, { before, expectTrouble = false } = {}) {
  const context = await browser.newContext(options);
  await context.exposeFunction("noteViolation", (text) => seen.violations.push(text));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      window.noteViolation(`${event.violatedDirective} ${event.blockedURI}`));
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => {
    const failed = expectTrouble && message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !failed) seen.console.push(message.text());
  });
  page.on("pageerror", (error) => seen.console.push(error.message));
  await before?.(page);
  await page.goto(url);
  await page.waitForSelector("#model:enabled");
  await settled(page);
  return page;
}

/** Wait until the page shows the chosen model and its examples, after which nothing moves. */
export async function settled(page) {
  await page.waitForSelector('#give[aria-busy="false"]');
  await page.waitForSelector('#examples[aria-busy="false"]', { state: "attached" });
}

/** Draw a digit with the mouse. */
export async function trace(page, digit) {
  if (await page.isEnabled("#clear")) await page.click("#clear");
  const { x, y, width, height } = await page.locator("#paper").boundingBox();
  for (const [[left, top], ...points] of digits[digit]) {
    await page.mouse.move(x + left * width, y + top * height);
    await page.mouse.down();
    for (const [right, down] of points) {
      await page.mouse.move(x + right * width, y + down * height, { steps: 12 });
    }
    await page.mouse.up();
  }
}

function ellipse(x, y, across, down) {
  return Array.from({ length: 25 }, (_, index) => {
    const angle = (2 * Math.PI * index) / 24;
    return [x + across * Math.sin(angle), y - down * Math.cos(angle)];
  });
}
