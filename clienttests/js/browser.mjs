// What tests in a real browser need: Chromium, pages of any host, a front that
// sees which requests reach the server, and presigned URLs.
import crypto from "node:crypto";
import { EventEmitter, once } from "node:events";
import fs from "node:fs";
import http from "node:http";

import { chromium } from "playwright-core";

// launch starts Chromium, for which every host of hosts is this machine.
export function launch(hosts) {
  return chromium.launch({
    executablePath: process.env.POOLHOUSE_CHROMIUM,
    args: [
      "--no-sandbox", // which root needs
      `--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(",")}`,
      // The attacks must not fail because this Chromium asks the user first:
      // other browsers do not.
      "--disable-features=LocalNetworkAccessChecks,PrivateNetworkAccessPermissionPrompt",
    ],
  });
}

async function listen(handler) {
  const server = http.createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: server.address().port, close: () => { server.closeAllConnections(); server.close(); } };
}

const sdk = fs.readFileSync(new URL("node_modules/aws-sdk/dist/aws-sdk.min.js", import.meta.url));

// servePages serves a page with the AWS SDK on every path but /blank, and an
// open redirect, as one of the machine's other servers may have.
export function servePages() {
  return listen((request, response) => {
    const url = new URL(request.url, "http://page");
    switch (url.pathname) {
      case "/aws-sdk.js": return response.writeHead(200, { "Content-Type": "text/javascript" }).end(sdk);
      case "/redirect": return response.writeHead(307, { Location: url.searchParams.get("to") }).end();
      case "/blank": return response.writeHead(200, { "Content-Type": "text/html" }).end("<title>blank</title>");
      default: return response.writeHead(200, { "Content-Type": "text/html" }).end('<title>page</title><script src="/aws-sdk.js"></script>');
    }
  });
}

// front passes requests on to the server at endpoint and keeps what it answered.
// With plain it takes away all that tells a browser's requests from a program's,
// and so shows what an attack does to a server that does not look at it.
export async function front(endpoint, { plain = false } = {}) {
  const { hostname, port } = new URL(endpoint);
  const answered = [];
  const arrivals = new EventEmitter().setMaxListeners(0);
  const self = await listen((request, response) => {
    const headers = { ...request.headers };
    if (plain) {
      for (const name of Object.keys(headers)) if (name === "origin" || name === "user-agent" || name.startsWith("sec-")) delete headers[name];
      headers.host = `127.0.0.1:${self.port}`;
    }
    const onward = http.request({ hostname, port, method: request.method, path: request.url, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
      answer.on("end", () => { answered.push({ method: request.method, url: request.url, headers: request.headers, status: answer.statusCode }); arrivals.emit("answer"); });
    });
    request.pipe(onward);
  });
  // answer waits for the answer to a request whose URL contains text.
  const answer = async (text) => {
    const signal = AbortSignal.timeout(20_000);
    for (;;) {
      const found = answered.find(({ method, url }) => method !== "OPTIONS" && url.includes(text));
      if (found) return found;
      await once(arrivals, "answer", { signal });
    }
  };
  return { ...self, answered, answer };
}

const hmac = (key, text) => crypto.createHmac("sha256", key).update(text).digest();
const sha256 = (text) => crypto.createHash("sha256").update(text).digest("hex");
const escape = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

// presign returns the presigned URL of an AWS Query call, signed for signedHost.
export function presign({ method = "GET", host, signedHost = host, service, parameters, info }) {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${info.region}/${service}/aws4_request`;
  const query = Object.entries({
    ...parameters,
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${info.access_key_id}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": "600",
    "X-Amz-SignedHeaders": "host",
  }).map(([name, value]) => `${escape(name)}=${escape(value)}`).sort().join("&");
  const canonical = [method, "/", query, `host:${signedHost}`, "", "host", sha256("")].join("\n");
  const key = scope.split("/").reduce((secret, part) => hmac(secret, part), `AWS4${info.secret_access_key}`);
  const signature = hmac(key, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")).toString("hex");
  return `http://${host}/?${query}&X-Amz-Signature=${signature}`;
}
