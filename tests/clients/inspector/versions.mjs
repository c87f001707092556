// The two ways in which an Inspector calls a server: the current version through its backend, the last of its version 1
// from the page itself, as browsers let pages call (CORS).

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = fileURLToPath(new URL("node_modules/@modelcontextprotocol/", import.meta.url));

/** A tool by its name, which stands alone or behind its title. */
const named = (tool) => new RegExp(`(^| )${tool}$`);

export class Proxied {
  /** Its backend, as people start it, which opens no browser and keeps nothing. */
  static async start(server, port) {
    const home = mkdtempSync(join(tmpdir(), "inspector-"));
    const program = join(PACKAGES, "inspector/clients/launcher/build/index.js");
    const child = spawn(process.execPath, [program, "--web", "--transport", "http", "--server-url", server], {
      env: {
        ...process.env,
        HOME: home,
        CLIENT_PORT: port,
        MCP_SANDBOX_PORT: "0",
        MCP_APP_ORIGIN_PORT: "0",
        MCP_AUTO_OPEN_ENABLED: "false",
        MCP_INSPECTOR_SECRET_STORE: "memory",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const inspector = new Proxied();
    inspector.end = () => {
      child.kill();
      rmSync(home, { recursive: true, force: true });
    };
    process.once("exit", inspector.end);
    let said = "";
    child.stderr.on("data", (data) => (said += data));
    for await (const data of child.stdout) {
      said += data;
      inspector.url = /http:\/\/\S+TOKEN=\w+\s/.exec(said)?.[0].trim();
      if (inspector.url) break;
    }
    if (!inspector.url) throw new Error(`the Inspector does not start: ${said}`);
    inspector.origin = new URL(inspector.url).origin;
    return inspector;
  }
  async connect(page) {
    await page.goto(this.url);
    // The switch itself lies under what is painted of it, and is no larger than nothing while that moves.
    await page.getByRole("switch", { name: /^Connect or disconnect/ }).dispatchEvent("click");
  }
  async tools(page) {
    await page.getByText("Tools", { exact: true }).click();
    const heading = page.getByRole("heading", { name: /^Tools \([1-9]/ });
    return Number(/\d+/.exec(await heading.innerText())[0]);
  }
  has(page, tool) {
    return page.getByRole("button", { name: named(tool) }).count();
  }
  async call(page, tool, fields) {
    await page.getByRole("button", { name: named(tool) }).click();
    for (const [field, value] of Object.entries(fields)) await page.getByRole("textbox", { name: field, exact: true }).fill(value);
    await page.getByRole("button", { name: "Execute Tool" }).click();
    await page.getByRole("heading", { name: "Results" }).waitFor();
    const [, answer] = (await page.getByRole("main").innerText()).split("Results\n");
    return answer.split("\n").find((line) => line.trim());
  }
}

export class Direct {
  /** Its page, which is all that calls; whatever else it comes with would only show it. */
  static async start(server, port) {
    const files = join(PACKAGES, "inspector-client/dist");
    const kinds = { ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };
    const pages = createServer((request, response) => {
      const path = new URL(request.url, "http://localhost").pathname;
      const kind = kinds[/\.\w+$/.exec(path)?.[0]];
      response.setHeader("content-type", kind ?? "text/html");
      response.end(readFileSync(join(files, kind ? path : "index.html")));
    });
    await new Promise((resolve, reject) => pages.on("error", reject).listen(Number(port), "localhost", resolve));
    const inspector = new Direct();
    inspector.origin = `http://localhost:${port}`;
    inspector.url = `${inspector.origin}/?${new URLSearchParams({ transport: "streamable-http", serverUrl: server })}`;
    inspector.end = () => {
      pages.close();
      pages.closeAllConnections();
    };
    return inspector;
  }
  async connect(page) {
    await page.goto(this.url);
    await page.getByRole("combobox", { name: "Connection Type" }).click();
    await page.getByRole("option", { name: "Direct" }).click();
    await page.getByRole("button", { name: "Connect", exact: true }).click();
  }
  async tools(page) {
    await page.getByRole("tab", { name: "Tools" }).click();
    await page.getByRole("button", { name: "List Tools" }).click();
    this.list = page.getByRole("tabpanel").locator(".cursor-pointer");
    await this.list.first().waitFor();
    return this.list.count();
  }
  // Shown by its title, where it has one.
  tool(tool) {
    return this.list.filter({ hasText: new RegExp(`^${tool}( Tool)?`, "i") });
  }
  has(_, tool) {
    return this.tool(tool).count();
  }
  async call(page, tool, fields) {
    const panel = page.getByRole("tabpanel");
    await this.tool(tool).click();
    for (const [field, value] of Object.entries(fields)) {
      await panel.getByLabel(new RegExp(`^${field}\\b`)).fill(value);
    }
    await panel.getByRole("button", { name: "Run Tool" }).click();
    await panel.getByRole("heading", { name: /^Tool Result/ }).waitFor();
    const [, answer] = (await panel.innerText()).split(/Tool Result: /);
    return answer.split("\n").filter((line) => line.trim()).join(" ");
  }
}
