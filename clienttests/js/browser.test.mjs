// Web pages in Chromium against a running `poolhouse dev`: the developer's own
// pages work, pages that the developer visits can do nothing.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CognitoIdentityClient, CreateIdentityPoolCommand } from "@aws-sdk/client-cognito-identity";
import AWS from "aws-sdk";

import { front, launch, presign, servePages } from "./browser.mjs";

const info = JSON.parse(process.env.POOLHOUSE_INFO);
const EVIL = "evil.example"; // a name of the attacker, that leads to this machine
const PHONE = "198.51.100.7"; // stands for this machine's address in the local network

const browser = await launch([EVIL, PHONE, "devbox", "app.localhost"]);
const pages = await servePages();
const guarded = await front(info.endpoint);
const plain = await front(info.endpoint, { plain: true });
after(async () => { await browser.close(); for (const server of [pages, guarded, plain]) server.close(); });

const iam = new AWS.IAM({ endpoint: info.endpoint, region: "us-east-1" });
const { IdentityPoolId } = await new CognitoIdentityClient({}).send(new CreateIdentityPoolCommand({
  IdentityPoolName: "browser", AllowUnauthenticatedIdentities: true }));

const context = await browser.newContext();

// within opens a page, runs what with it, and closes it.
async function within(url, what) {
  const page = await context.newPage();
  try {
    await page.goto(url);
    return await what(page);
  } finally {
    await page.close();
  }
}

// signIn does the work of an application's page. It runs in the browser.
async function signIn({ endpoint, IdentityPoolId }) {
  const options = { endpoint, region: "us-east-1" };
  const anonymous = new AWS.CognitoIdentity({ ...options, accessKeyId: "x", secretAccessKey: "x" });
  const { IdentityId } = await anonymous.makeUnauthenticatedRequest("getId", { IdentityPoolId }).promise();
  const { Token } = await anonymous.makeUnauthenticatedRequest("getOpenIdToken", { IdentityId }).promise();
  const admin = new AWS.CognitoIdentity({ ...options, accessKeyId: "test", secretAccessKey: "test" });
  const { IdentityPoolName } = await admin.describeIdentityPool({ IdentityPoolId }).promise();
  return { IdentityId, Token, IdentityPoolName };
}

for (const [host, target, site] of [
  ["localhost", "127.0.0.1", "cross-site"],
  ["127.0.0.1", "127.0.0.1", "same-site"],
  ["app.localhost", "127.0.0.1", "cross-site"],
  ["devbox", "127.0.0.1", "cross-site"],
  ["localhost", "devbox", undefined], // Chromium tells nothing to addresses other than this machine's
  [PHONE, PHONE, undefined],
]) {
  test(`a page of ${host} calls ${target} with the AWS SDK`, async () => {
    const done = await within(`http://${host}:${pages.port}/`, (page) => page.evaluate(signIn, { endpoint: `http://${target}:${guarded.port}`, IdentityPoolId }));
    assert.match(done.IdentityId, /^us-east-1:/);
    assert.equal(done.Token.split(".").length, 3);
    assert.equal(done.IdentityPoolName, "browser");
    const { headers } = guarded.answered.at(-1);
    assert.equal(headers.origin, `http://${host}:${pages.port}`);
    assert.equal(headers["sec-fetch-site"], site);
  });
}

for (const [host, target] of [[EVIL, "127.0.0.1"], [EVIL, PHONE], [PHONE, "127.0.0.1"]]) {
  test(`a page of ${host} gets nothing out of ${target}`, async () => {
    const endpoint = `http://${target}:${guarded.port}`;
    const before = guarded.answered.length;
    await within(`http://${host}:${pages.port}/`, async (page) => {
      await assert.rejects(page.evaluate(signIn, { endpoint, IdentityPoolId }), /Network Failure|NetworkingError/);
      for (const path of ["/_poolhouse/dev/info", "/.well-known/openid-configuration", "/metrics", "/"]) {
        await assert.rejects(page.evaluate(async (url) => (await fetch(url)).text(), endpoint + path), /Failed to fetch/, path);
      }
    });
    const answered = guarded.answered.slice(before).filter(({ headers }) => headers.origin === `http://${host}:${pages.port}`);
    assert.ok(answered.length >= 5 && answered.every(({ status }) => status === 403), JSON.stringify(answered));
  });
}

// rebind asks, from a page of the attacker's name at the server's own port, as
// after DNS rebinding.
async function rebind(server) {
  const url = `http://${EVIL}:${server.port}/attack`;
  await context.route(url, (route) => route.fulfill({ contentType: "text/html", body: "<title>attack</title>" }));
  return within(url, (page) => page.evaluate(async (IdentityPoolId) => {
    const ask = async (path, init) => (await fetch(path, init)).text();
    return {
      token: await ask("/_poolhouse/dev/token", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"sub":"admin"}' }),
      info: await ask("/_poolhouse/dev/info"),
      id: await ask("/", { method: "POST", body: JSON.stringify({ IdentityPoolId }),
        headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSCognitoIdentityService.GetId" } }),
      metrics: await ask("/metrics"),
    };
  }, IdentityPoolId));
}

test("DNS rebinding reaches nothing, and would reach a server without the guard", async () => {
  const wanted = { token: '"token"', info: '"secret_access_key"', id: '"IdentityId"', metrics: "poolhouse_build_info" };
  for (const [server, works] of [[plain, true], [guarded, false]]) {
    for (const [name, text] of Object.entries(await rebind(server))) {
      assert.equal(text.includes(wanted[name]), works, `${name}: ${text}`);
      assert.equal(text.includes("dev.allowed_hosts"), !works, `${name}: ${text}`);
    }
  }
});

// The ways in which a page makes its visitor's browser send a request without
// asking first. Each runs in the browser with a presigned URL.
const ways = {
  "form, POST": { method: "POST", run: (url) => { document.body.innerHTML = `<form method=post target=_blank></form>`; document.forms[0].action = url; document.forms[0].submit(); } },
  "form, POST, in this tab": { method: "POST", run: (url) => { document.body.innerHTML = `<form method=post></form>`; document.forms[0].action = url; document.forms[0].submit(); } },
  "form, POST, origin hidden": { method: "POST", run: (url) => { document.head.innerHTML = `<meta name=referrer content=no-referrer>`; document.body.innerHTML = `<form method=post></form>`; document.forms[0].action = url; document.forms[0].submit(); } },
  "form, GET": { run: (url) => {
    const form = document.body.appendChild(document.createElement("form"));
    for (const [name, value] of new URL(url).searchParams) form.appendChild(Object.assign(document.createElement("input"), { name, value }));
    form.action = new URL(url).origin + "/";
    form.submit();
  } },
  "fetch, POST": { method: "POST", run: (url) => { fetch(url, { method: "POST", mode: "no-cors" }).catch(() => {}); } },
  "fetch, GET": { run: (url) => { fetch(url, { mode: "no-cors", referrerPolicy: "no-referrer" }).catch(() => {}); } },
  "fetch with CORS, GET": { run: (url) => { fetch(url).catch(() => {}); } },
  beacon: { method: "POST", run: (url) => { navigator.sendBeacon(url); } },
  image: { run: (url) => { new Image().src = url; } },
  script: { run: (url) => { document.head.appendChild(Object.assign(document.createElement("script"), { src: url })); } },
  style: { run: (url) => { document.head.appendChild(Object.assign(document.createElement("link"), { rel: "stylesheet", href: url })); } },
  frame: { run: (url) => { document.body.appendChild(Object.assign(document.createElement("iframe"), { src: url })); } },
  "sandboxed frame, POST": { method: "POST", run: (url) => {
    const frame = Object.assign(document.createElement("iframe"), { srcdoc: `<script>fetch(${JSON.stringify(url)}, {method: "POST", mode: "no-cors"})</script>` });
    frame.sandbox = "allow-scripts";
    document.body.appendChild(frame);
  } },
  "link in this tab": { run: (url) => { location.href = url; } },
  popup: { run: (url) => { window.open(url); } },
  "redirect of a page of this machine": { run: (url) => { new Image().src = `http://localhost:${location.port}/redirect?to=${encodeURIComponent(url)}`; } },
  "redirect of a form": { method: "POST", run: (url) => { document.body.innerHTML = `<form method=post></form>`; document.forms[0].action = `http://localhost:${location.port}/redirect?to=${encodeURIComponent(url)}`; document.forms[0].submit(); } },
};

// attack goes every way at once and returns what the server answered, by way.
async function attack(server, target, name) {
  const host = `${target}:${server.port}`;
  return Object.fromEntries(await Promise.all(Object.entries(ways).map(async ([way, { method = "GET", run }], n) => {
    const url = presign({ method, host, signedHost: server === plain ? `127.0.0.1:${server.port}` : host, service: "iam", info,
      parameters: { Action: "CreateOpenIDConnectProvider", Version: "2010-05-08", Url: `https://${name}-${n}.example`, "ClientIDList.member.1": "x" } });
    return within(`http://${EVIL}:${pages.port}/blank`, async (page) => {
      await page.evaluate(run, url);
      return [way, (await server.answer(`${name}-${n}.example`)).status];
    });
  })));
}

async function providers(name) {
  const { OpenIDConnectProviderList: list } = await iam.listOpenIDConnectProviders().promise();
  return list.filter(({ Arn }) => Arn.includes(`/${name}-`)).length;
}

const all = (status) => Object.fromEntries(Object.keys(ways).map((way) => [way, status]));

test("a page can make providers in a server without the guard", async () => {
  assert.deepEqual(await attack(plain, "127.0.0.1", "plain"), all(200));
  assert.equal(await providers("plain"), Object.keys(ways).length);
});

for (const [target, name] of [["127.0.0.1", "loopback"], ["localhost", "localhost"], [PHONE, "phone"], ["devbox", "devbox"]]) {
  test(`no page can make a provider by way of ${target}`, async () => {
    assert.deepEqual(await attack(guarded, target, name), all(403));
    assert.equal(await providers(name), 0);
  });
}

test("a page that hides its origin is foreign, wherever it comes from", async () => {
  await within(`http://localhost:${pages.port}/blank`, async (page) => {
    await page.evaluate((url) => {
      const frame = Object.assign(document.createElement("iframe"), { srcdoc: `<script>fetch(${JSON.stringify(url)}, {method: "POST", mode: "no-cors"})</script>` });
      frame.sandbox = "allow-scripts";
      document.body.appendChild(frame);
    }, `http://127.0.0.1:${guarded.port}/hidden`);
    const { status, headers } = await guarded.answer("/hidden");
    assert.deepEqual([status, headers.origin], [403, "null"]);
  });
});

test("a link of any page opens the authorization endpoint in a tab, but not in a frame", async () => {
  await within(`http://${EVIL}:${pages.port}/blank`, async (page) => {
    await page.evaluate((url) => { document.body.appendChild(Object.assign(document.createElement("iframe"), { src: url })); }, `http://127.0.0.1:${guarded.port}/authorize?state=frame`);
    assert.equal((await guarded.answer("state=frame")).status, 403);
    await page.evaluate((url) => { location.href = url; }, `http://127.0.0.1:${guarded.port}/authorize?state=tab`);
    const { status, headers } = await guarded.answer("state=tab");
    assert.deepEqual([status, headers["sec-fetch-site"]], [400, "cross-site"]); // this issuer signs nobody in
  });
});

test("the developer opens the server's pages by typing their address", async () => {
  for (const path of ["/_poolhouse/dev/info", "/.well-known/openid-configuration"]) {
    await within(`http://127.0.0.1:${guarded.port}${path}`, async (page) => assert.match(await page.content(), /issuer/));
  }
});
