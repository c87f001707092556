// What the TypeScript clients share: the command line, a person at a browser, and what is tried of a server.
// Prints one line of JSON; the exit code is 0 only if everything was right.
//
// With nothing but --url, a client registers itself, opens the browser that BROWSER names and listens on loopback.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";

export const CALLBACK = "http://127.0.0.1:8976/callback";

export function settings() {
  const text = { type: "string" };
  const { values } = parseArgs({
    options: { url: text, "token-file": text, login: text, "client-id": text, "client-credentials": text },
  });
  const pair = (value) => value && [value.slice(0, value.indexOf(":")), value.slice(value.indexOf(":") + 1)];
  return {
    url: new URL(values.url),
    token: values["token-file"] && readFileSync(values["token-file"], "utf8").trim(),
    login: pair(values.login),
    clientId: values["client-id"],
    clientCredentials: pair(values["client-credentials"]),
  };
}

/** What the SDK asks of a public client that was registered beforehand; the person is at hand. */
export class Login {
  constructor(clientId, person) {
    this.clientId = clientId;
    this.person = person;
    this.redirectUrl = CALLBACK;
    this.clientMetadata = {
      client_name: "mcp-oauth-tests",
      redirect_uris: [CALLBACK],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }
  clientInformation() {
    return { client_id: this.clientId };
  }
  tokens() {
    return this.kept;
  }
  saveTokens(tokens) {
    this.kept = tokens;
  }
  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }
  codeVerifier() {
    return this.verifier;
  }
  async redirectToAuthorization(url) {
    this.callback = await browse(url, this.person);
  }
}

/** The same of a client that registers itself, and whose user has a browser of their own. */
export class BrowserLogin extends Login {
  /** Listens, so that there is an address to come back to. */
  static async begin() {
    const login = new BrowserLogin();
    login.server = createServer();
    login.answered = new Promise((resolve) => {
      login.server.on("request", (request, response) => {
        response.setHeader("connection", "close").end("You can close this window.");
        resolve(new URL(request.url, login.redirectUrl).searchParams);
      });
    });
    await new Promise((resolve) => login.server.listen(0, "127.0.0.1", resolve));
    login.redirectUrl = `http://127.0.0.1:${login.server.address().port}/callback`;
    login.clientMetadata.redirect_uris = [login.redirectUrl];
    login.clientMetadata.grant_types.push("refresh_token");
    return login;
  }
  clientInformation() {
    return this.client;
  }
  saveClientInformation(client) {
    this.client = client;
  }
  state() {
    this.sent ??= randomUUID();
    return this.sent;
  }
  async redirectToAuthorization(url) {
    spawn(process.env.BROWSER, [url.href], { stdio: "ignore" });
    const callback = await this.answered;
    this.server.close();
    if (callback.get("state") !== this.sent) throw new Error("the answer is not to our question");
    if (callback.has("error")) throw new Error(`the login ended with ${callback}`);
    this.callback = callback;
  }
}

/** A person at a browser: follows redirects, fills in the login form, and stops where the loopback listener would be. */
async function browse(start, [username, password]) {
  const cookies = new Map();
  let request = { url: new URL(start), method: "GET" };
  for (let step = 0; step < 12; step += 1) {
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    const response = await fetch(request.url, { ...request, headers, redirect: "manual" });
    for (const cookie of response.headers.getSetCookie()) {
      const [name, value] = cookie.split(";", 1)[0].split(/=(.*)/s);
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location) {
      const next = new URL(location, request.url);
      if (next.href.startsWith(CALLBACK)) return next.searchParams;
      request = { url: next, method: "GET" };
      continue;
    }
    const page = await response.text();
    const action = /<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"/s.exec(page)?.[1];
    if (!action) throw new Error(`no login form, but ${response.status}: ${page.slice(0, 300)}`);
    const url = new URL(action.replaceAll("&amp;", "&"), request.url);
    request = { url, method: "POST", body: new URLSearchParams({ username, password }) };
  }
  throw new Error("the login goes round in circles");
}

/** Lists the tools, calls one that takes its time, and one that answers at once. */
export async function tryOut(name, client, callTool) {
  const { tools } = await client.listTools();
  const names = tools.map((tool) => tool.name);
  const [slow, steps, quick, expected] = names.includes("countdown")
    ? ["countdown", { steps: 4, seconds: 2 }, { name: "add", arguments: { a: 2, b: 40 } }, "42"]
    : [
        "trigger-long-running-operation",
        { steps: 4, duration: 2 },
        { name: "echo", arguments: { message: "hello" } },
        "hello",
      ];
  const begun = performance.now();
  const progress = [];
  const onprogress = () => progress.push(Math.round(performance.now() - begun));
  await callTool({ name: slow, arguments: steps }, { onprogress });
  const took = Math.round(performance.now() - begun);
  const answer = (await callTool(quick)).content[0].text;
  const right = answer.includes(expected) && progress.length === 4 && progress.at(-1) - progress[0] >= 1000;
  console.log(JSON.stringify({ client: name, tools: names.length, progress, took, answer, right }));
  return right;
}

/** Lists the tools, and calls one that answers at once. */
export async function tryBriefly(name, client, callTool) {
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  const [call, expected] = names.includes("add")
    ? [{ name: "add", arguments: { a: 2, b: 40 } }, "42"]
    : [{ name: "echo", arguments: { message: "hello" } }, "hello"];
  const answer = (await callTool(call)).content[0].text;
  const right = answer.includes(expected);
  console.log(JSON.stringify({ client: name, tools: names.length, answer, right }));
  return right;
}

/** Runs to the end; what goes wrong becomes the line. */
export async function run(name, work) {
  try {
    process.exitCode = (await work()) ? 0 : 1;
  } catch (error) {
    const cause = error.cause ? ` (${error.cause.message ?? error.cause})` : "";
    console.log(JSON.stringify({ client: name, error: `${error.message}${cause}`, status: error.code }));
    process.exitCode = 1;
  }
}
