// The programs of a client's page, bundled and opened in Chromium. PAGE is the
// folder that has them and their packages, PAGE_PORT the port of the page, or it is any free one; the other
// variables are the page's own.
import { once } from "node:events";
import http from "node:http";
import path from "node:path";

import { CognitoIdentityClient, DeleteIdentitiesCommand } from "@aws-sdk/client-cognito-identity";
import { build } from "esbuild";

import { launch } from "./browser.mjs";

export const settings = {
  endpoint: process.env.ENDPOINT, pool: process.env.POOL, login: process.env.LOGIN, token: process.env.TOKEN };
export const program = (name) => path.join(process.env.PAGE, name);

// app serves programs of the page to Chromium, each as its name. Its page "/" runs main.
export async function app(main, ...names) {
  const scripts = {};
  for (const name of [main, ...names]) {
    const { outputFiles: [file] } = await build({
      entryPoints: [program(name)], bundle: true, write: false, format: "esm", platform: "browser" });
    scripts[`/${name}`] = file.text;
  }

  const data = Object.entries(settings).map(([name, value]) => `data-${name}="${value}"`).join(" ");
  const server = http.createServer((request, response) => {
    if (scripts[request.url]) {
      response.writeHead(200, { "Content-Type": "text/javascript" }).end(scripts[request.url]);
    } else {
      const script = request.url === "/" ? `<script type=module src="/${main}"></script>` : "";
      response.writeHead(200, { "Content-Type": "text/html" }).end(`<title>app</title><body ${data}>${script}`);
    }
  }).listen(Number(process.env.PAGE_PORT ?? 0), "127.0.0.1");
  await once(server, "listening");

  const browser = await launch([]);
  const context = await browser.newContext();
  return {
    url: `http://localhost:${server.address().port}`,
    open: async (path, listener = () => {}) => {
      const page = await context.newPage();
      page.on("console", (message) => listener(message.text()));
      await page.goto(`http://localhost:${server.address().port}${path}`);
      return page;
    },
    close: async () => { await browser.close(); server.closeAllConnections(); server.close(); },
  };
}

// tokenOf returns an ID token of the development provider.
export async function tokenOf(sub) {
  const answer = await fetch(`${settings.endpoint}/_poolhouse/dev/token`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sub }) });
  return (await answer.json()).token;
}

// lose makes the server forget an identity, as a reset of its data does.
export async function lose(id) {
  await new CognitoIdentityClient({}).send(new DeleteIdentitiesCommand({ IdentityIdsToDelete: [id] }));
}
