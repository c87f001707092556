// The MCP Inspector in Chromium, used by clicks: it connects, is refused, registers itself, sends its user through our consent
// page and the provider's login form, comes back, lists the tools and calls one. Prints one line of JSON; the exit code is 0
// only if everything was right.
//
// --chromium PATH --url URL --person USER:PASSWORD. It calls the server through its own backend; with --direct, from the page,
// whose origin is http://localhost:6274 unless --port says otherwise. The server's policy must allow that origin.

import { parseArgs } from "node:util";

import { launch } from "./chromium.mjs";
import { run } from "./common.mjs";
import { logIn } from "./login.mjs";
import { Direct, Proxied } from "./versions.mjs";

const text = { type: "string" };
const { values } = parseArgs({
  options: { chromium: text, url: text, person: text, port: { ...text, default: "6274" }, direct: { type: "boolean" } },
});

await run("inspector", async () => {
  const inspector = await (values.direct ? Direct : Proxied).start(values.url, values.port);
  const browser = await launch(values.chromium);
  try {
    // Whoever tests with a certificate authority of their own says so by this variable, which Chromium does not read.
    const ignoreHTTPSErrors = Boolean(process.env.NODE_EXTRA_CA_CERTS);
    const context = await browser.newContext({ ignoreHTTPSErrors, viewport: { width: 1300, height: 900 } });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    await inspector.connect(page);
    await logIn(page, values.person, inspector.origin);
    const tools = await inspector.tools(page);
    const [tool, fields, expected] = (await inspector.has(page, "echo"))
      ? ["echo", { message: "hello" }, "hello"]
      : ["add", { a: "2", b: "40" }, "42"];
    const answer = await inspector.call(page, tool, fields);
    const right = tools > 0 && answer.includes(expected);
    console.log(JSON.stringify({ client: "inspector", tools, answer, right }));
    return right;
  } finally {
    await browser.close();
    inspector.end();
  }
});
