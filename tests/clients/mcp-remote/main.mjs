// mcp-remote, the bridge for clients that speak over stdio alone, with such a client in front of it. The bridge registers
// itself and opens the browser; the client knows nothing of OAuth.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { run, settings, tryBriefly } from "./common.mjs";

const NAME = "mcp-remote";
const BRIDGE = join(dirname(fileURLToPath(import.meta.url)), "node_modules/mcp-remote/dist/proxy.js");

await run(NAME, async () => {
  const { url } = settings();
  const client = new Client({ name: NAME, version: "1.0.0" });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [BRIDGE, url.href],
    env: process.env,
    stderr: "inherit",
  });
  await client.connect(transport);
  const right = await tryBriefly(NAME, client, (call) => client.callTool(call));
  await client.close();
  return right;
});
