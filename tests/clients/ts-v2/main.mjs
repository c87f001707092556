// An MCP client with version 2 of the TypeScript SDK: a token at hand, client credentials, or a login through discovery.

import {
  Client,
  ClientCredentialsProvider,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from "@modelcontextprotocol/client";

import { Login, run, settings, tryOut } from "./common.mjs";

const NAME = "ts-v2";

function authorization({ token, login, clientId, clientCredentials }) {
  if (token) return { authProvider: { token: async () => token } };
  if (login) return { authProvider: new Login(clientId, login) };
  if (!clientCredentials) return {};
  const [id, secret] = clientCredentials;
  return { authProvider: new ClientCredentialsProvider({ clientId: id, clientSecret: secret }) };
}

async function connect(url, options) {
  const client = new Client({ name: NAME, version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(url, options);
  try {
    await client.connect(transport);
    return client;
  } catch (error) {
    const callback = options.authProvider?.callback;
    if (!(error instanceof UnauthorizedError) || !callback) throw error;
    await transport.finishAuth(callback);
    delete options.authProvider.callback;
    return connect(url, options);
  }
}

await run(NAME, async () => {
  const given = settings();
  const client = await connect(given.url, authorization(given));
  const right = await tryOut(NAME, client, (call, options) => client.callTool(call, options));
  await client.close();
  return right;
});
