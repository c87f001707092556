// Does in Chromium what it is told, one line of JSON at a time, and answers each with one: {"done": …} or {"failed": "…"}.
// Ends, and Chromium with it, when nobody can tell it anything any more. Argument: the path of Chromium.

import { createInterface } from "node:readline";

import { launch } from "./chromium.mjs";

const PATIENCE = 15_000;

const browser = await launch(process.argv[2]);
const windows = [];

/** A window with a cookie jar of its own, which writes down what is asked for and what the browser complains of. */
async function open_window({ width, scripts, scheme }) {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    javaScriptEnabled: scripts === "on",
    colorScheme: scheme,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const window = { page, requests: [], complaints: [] };
  page.on("request", (request) => window.requests.push(request.url()));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) window.complaints.push(message.text());
  });
  page.on("pageerror", (error) => window.complaints.push(String(error)));
  return windows.push(window) - 1;
}

const deeds = {
  open: async ({ page }, url) => (await page.goto(url)).status(),
  press: ({ page }, key) => page.keyboard.press(key),
  type: ({ page }, text) => page.keyboard.type(text),
  click: ({ page }, what) => page.locator(what).click(),
  fill: ({ page }, { what, text }) => page.locator(what).fill(text),
  read: ({ page }, what) => page.locator(what).innerText(),
  evaluate: ({ page }, expression) => page.evaluate(expression),
  arrive: async ({ page }, prefix) => {
    await page.waitForURL((url) => url.href.startsWith(prefix));
    return page.url();
  },
  tree: ({ page }) => page.locator("body").ariaSnapshot(),
  frames: ({ page }) => Promise.all(page.frames().slice(1).map((frame) => frame.evaluate("document.body.innerText"))),
  requests: ({ requests }) => requests.splice(0),
  complaints: ({ complaints }) => complaints.splice(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { window, deed, what } = JSON.parse(line);
  try {
    const done = deed === "window" ? await open_window(what) : await deeds[deed](windows[window], what);
    console.log(JSON.stringify({ done: done ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ failed: `${deed} ${JSON.stringify(what)}: ${error.message}` }));
  }
}
await browser.close();
