// An OpenID provider for the suites: `oidc-provider` as it comes, as strict as it can be set (PKCE and nonce required,
// refresh tokens rotated and taken back, `iss` in responses), with one confidential client and a login form that asks for a name alone.
//
// Listens on loopback, says where in one line, and remembers nothing beyond its own life. Environment: CLIENT_ID,
// CLIENT_SECRET, REDIRECT_URIS (separated by spaces). `PUT /disabled/NAME` shuts somebody out, `DELETE` lets them in.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

import { Provider } from "oidc-provider";

const { CLIENT_ID, CLIENT_SECRET, REDIRECT_URIS } = process.env;
const disabled = new Set();

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: REDIRECT_URIS.split(" "),
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  findAccount: (_, id) => (disabled.has(id) ? undefined : { accountId: id, claims: () => claimsOf(id) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  jwks: { keys: [{ ...key, kid: "rsa", use: "sig", alg: "RS256" }] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
});

// OpenID Connect Core §3.1.2.1 leaves the nonce to the client; RFC 9700 §2.1.1 and §4.5.3.2 do not quite.
provider.use(async (ctx, next) => {
  if (ctx.method === "GET" && ctx.path === "/auth" && !ctx.query.nonce) {
    ctx.throw(400, "a nonce is required here");
  }
  await next();
});

const answer = provider.callback();
server.on("request", (request, response) => {
  const [, room, name] = new URL(request.url, issuer).pathname.split("/");
  if (room === "disabled") {
    request.method === "DELETE" ? disabled.delete(name) : disabled.add(name);
    response.writeHead(204).end();
  } else if (room === "interaction") {
    interact(request, response).catch((error) => response.writeHead(400).end(String(error)));
  } else {
    answer(request, response);
  }
});
console.log(`listening at ${issuer}`);

function claimsOf(id) {
  return {
    sub: id,
    email: `${id}@example.com`,
    email_verified: true,
    name: `${id} Example`,
    preferred_username: id,
  };
}

async function interact(request, response) {
  const details = await provider.interactionDetails(request, response);
  if (request.method !== "POST") {
    const field = details.prompt.name === "login" ? "<label>Name <input name=username required></label>" : "";
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(
      `<!doctype html><html lang=en><title>${details.prompt.name}</title>` +
        `<form id=${details.prompt.name} method=post action="${issuer}/interaction/${details.uid}">${field}` +
        "<button name=answer value=allow>Continue</button><button name=answer value=deny>Cancel</button></form>",
    );
    return;
  }
  const form = new URLSearchParams(await text(request));
  const result = form.get("answer") === "allow" ? await allowed(details, form) : { error: "access_denied" };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function allowed(details, form) {
  if (details.prompt.name === "login") {
    return { login: { accountId: form.get("username") } };
  }
  const grant = details.grantId
    ? await provider.Grant.find(details.grantId)
    : new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  return { consent: { grantId: await grant.save() } };
}

async function text(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}
