// A small server with Auth.js, as frameworks have it. PORT, ISSUER; its page tells who is signed in, and
// the ID token. CLIENT and SECRET are of a client that a seed describes; without them the client is public.
import { createServer } from "node:http";

import { Auth } from "@auth/core";

const { PORT, ISSUER, CLIENT, SECRET } = process.env;
const origin = `http://localhost:${PORT}`;
const config = {
  basePath: "/auth",
  trustHost: true,
  secret: "not a secret, as this is a test",
  providers: [{
    id: "poolhouse", name: "Poolhouse", type: "oidc", issuer: ISSUER,
    ...(SECRET ? { clientId: CLIENT, clientSecret: SECRET } : { clientId: "poolhouse-dev", client: { token_endpoint_auth_method: "none" } }),
    checks: ["pkce", "state", "nonce"],
  }],
  callbacks: {
    jwt: ({ token, account }) => (account ? { ...token, idToken: account.id_token } : token),
    session: ({ session, token }) => ({ ...session, idToken: token.idToken }),
  },
};

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const answer = await Auth(new Request(origin + request.url, {
    method: request.method, headers: request.headers, body: chunks.length ? Buffer.concat(chunks) : undefined,
  }), config);
  answer.headers.forEach((value, name) => { if (name !== "set-cookie") response.setHeader(name, value); });
  response.setHeader("set-cookie", answer.headers.getSetCookie());
  response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
}).listen(PORT, "127.0.0.1", () => console.log(`listening on ${origin}`));
