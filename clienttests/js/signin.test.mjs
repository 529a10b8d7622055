// Libraries sign in at the development issuer of `poolhouse dev`, on its page in Chromium and with the
// keyboard alone, and go on to credentials. APP is the folder of the SPA of docs/dev-sign-in.md.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import test, { after } from "node:test";

import { CognitoIdentityClient, GetCredentialsForIdentityCommand, GetIdCommand } from "@aws-sdk/client-cognito-identity";
import { build } from "esbuild";
import * as client from "openid-client";

import { launch } from "./browser.mjs";

const info = JSON.parse(process.env.POOLHOUSE_INFO);
const { APP, POOL, STORE, S3, BUCKET, SERVER_PORT, SCREENSHOTS } = process.env;
const ISSUER = info.issuer;
const axe = fs.readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

const browser = await launch([]);
const closers = [];
after(async () => { await browser.close(); for (const close of closers) close(); });

// serve bundles a program with the settings of this server, and serves a page that runs it.
async function serve(program) {
  const settings = { endpoint: info.endpoint, identityPoolId: POOL, s3Endpoint: S3, bucket: BUCKET };
  const { outputFiles: [file] } = await build({
    entryPoints: [program], bundle: true, write: false, format: "esm", platform: "browser", jsx: "automatic",
    nodePaths: [path.resolve("node_modules")], define: { "process.env.NODE_ENV": '"production"' },
    plugins: [{
      name: "settings", setup: (b) => {
        b.onResolve({ filter: /^\.\/settings\.js$/ }, () => ({ path: "settings", namespace: "settings" }));
        b.onLoad({ filter: /.*/, namespace: "settings" }, () => ({
          contents: Object.entries(settings).map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`).join("\n") }));
      },
    }],
  });
  const server = http.createServer((request, response) => {
    if (request.url.split("?")[0] === "/app.js") response.writeHead(200, { "Content-Type": "text/javascript" }).end(file.text);
    else response.writeHead(200, { "Content-Type": "text/html" }).end('<!doctype html><title>app</title><body><script type=module src="/app.js"></script>');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => { server.closeAllConnections(); server.close(); });
  return `http://localhost:${server.address().port}/`;
}

// open opens a page for another person, each with a browser of their own.
async function open(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => assert.fail(error));
  await page.goto(url);
  return page;
}

const onPage = (page) => page.waitForURL(`${ISSUER}/**`);

// tabTo presses Tab until the focus is on what a person looks for, as with the keyboard alone.
async function tabTo(page, text) {
  for (let n = 0; n < 40; n++) {
    const label = await page.evaluate(() => document.activeElement?.innerText || document.activeElement?.labels?.[0]?.innerText || "");
    if (label.includes(text)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`the keyboard does not reach ${text}`);
}

// enter presses Enter once the page has given the focus to something, which it does when it is drawn.
async function enter(page) {
  await page.locator("button:focus, input:focus").waitFor();
  await page.keyboard.press("Enter");
}

// credentialsOf returns the identity of an ID token, once it has got credentials.
async function credentialsOf(idToken) {
  const cognito = new CognitoIdentityClient({ region: "us-east-1", endpoint: info.endpoint });
  const Logins = { [info.login_key]: idToken };
  const { IdentityId } = await cognito.send(new GetIdCommand({ IdentityPoolId: POOL, Logins }));
  const { Credentials } = await cognito.send(new GetCredentialsForIdentityCommand({ IdentityId, Logins }));
  assert.match(Credentials.AccessKeyId, /^ASIA/);
  return IdentityId;
}

test("an SPA with oidc-client-ts signs in, writes to a bucket, and signs out", async () => {
  const url = await serve(path.join(APP, "app.js"));
  const page = await open(url);
  await page.getByRole("button", { name: "Sign in" }).press("Enter");
  await onPage(page);
  await enter(page); // the first user has the focus
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  const text = await page.locator("body").innerText();
  const [, key] = text.match(/^Alice Archer keeps (us-east-1:[0-9a-f-]+\/hello\.txt)/) ?? assert.fail(text);
  assert.equal(await (await fetch(`${STORE}/${BUCKET}/${key}`)).text(), "Hello");

  await page.getByRole("button", { name: "Sign out" }).press("Enter");
  await page.waitForURL(url);
  await page.getByRole("button", { name: "Sign in" }).press("Enter");
  await onPage(page);
  assert.equal(await page.getByText("You are signed in").count(), 0); // the session has ended
});

test("an SPA with oidc-client-ts renews its tokens, and the page offers to continue", async () => {
  const url = await serve(path.join(APP, "app.js"));
  const page = await open(url);
  await page.getByRole("button", { name: "Sign in" }).click();
  await onPage(page);
  await tabTo(page, "bob");
  await enter(page);
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  const stored = () => page.evaluate(() => JSON.parse(sessionStorage.getItem(Object.keys(sessionStorage).find((key) => key.startsWith("oidc.user:")))));
  const before = await stored();
  const renewed = await page.evaluate(async ({ token, refresh }) => {
    const answer = await fetch(token, { method: "POST", body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: refresh, client_id: "poolhouse-dev" }) });
    return answer.json();
  }, { token: `${ISSUER}/token`, refresh: before.refresh_token });
  assert.notEqual(renewed.refresh_token, before.refresh_token);
  assert.equal(await credentialsOf(renewed.id_token), await credentialsOf(before.id_token));

  await page.evaluate(() => sessionStorage.clear());
  await page.reload();
  await page.getByRole("button", { name: "Sign in" }).click();
  await onPage(page);
  await page.getByRole("heading", { name: "You are signed in" }).waitFor();
  await enter(page); // Continue as bob
  await page.getByText("Bob Baker keeps").waitFor();
});

test("a frame hears at once who is signed in, or that the browser keeps the cookie back", async () => {
  const url = await serve(path.join(APP, "app.js"));
  const page = await open(url);
  await page.getByRole("button", { name: "Sign in" }).click();
  await onPage(page);
  await enter(page);
  await page.getByRole("button", { name: "Sign out" }).waitFor();

  for (const [host, prompt, want] of [["127.0.0.1", "none", "code"], ["localhost", "none", "login_required"], ["localhost", "login", "refused"]]) {
    await page.goto(url.replace("localhost", host));
    const answer = await page.evaluate(async ({ address, prompt }) => {
      const frame = document.createElement("iframe");
      const redirect = `${location.origin}/app.js`; // runs nothing in a frame
      frame.src = `${address}&redirect_uri=${encodeURIComponent(redirect)}&prompt=${prompt}`;
      const loaded = new Promise((resolve) => { frame.onload = resolve; });
      document.body.append(frame);
      await loaded;
      if (!frame.contentDocument) return "refused"; // it has another origin
      const parameters = new URLSearchParams(frame.contentWindow.location.search);
      return parameters.get("error") ?? (parameters.has("code") ? "code" : "nothing");
    }, { address: authorization().replace(/&redirect_uri=[^&]*/, ""), prompt });
    assert.equal(answer, want, `${host}, ${prompt}`);
  }
});

test("react-oidc-context signs a new user in", async () => {
  const page = await open(await serve("signin/react.jsx"));
  await page.getByRole("button", { name: "Sign in" }).press("Enter");
  await onPage(page);
  await tabTo(page, "User name");
  await page.keyboard.type("dora");
  await tabTo(page, "Groups");
  await page.keyboard.type("editors, admins");
  await tabTo(page, "More claims");
  await page.keyboard.type('{"level": 3}');
  await tabTo(page, "Make and sign in");
  await enter(page);
  const output = page.locator("output").filter({ hasText: "ASIA" });
  await output.waitFor();
  assert.match(await page.locator("p").innerText(), /^dora is us-east-1:/);
  const { users } = await (await fetch(`${info.endpoint}/_poolhouse/dev/users`)).json();
  assert.deepEqual(users.find(({ name }) => name === "dora").claims,
    { "cognito:groups": ["editors", "admins"], groups: ["editors", "admins"], level: 3 });
});

test("Amplify goes from a guest to a user of a generic provider", async () => {
  const page = await open(await serve("signin/amplify.js"));
  await page.getByText(/^guest us-east-1:.* ASIA/).waitFor();
  await page.getByRole("button", { name: "Sign in" }).press("Enter");
  await onPage(page);
  await tabTo(page, "carol");
  await enter(page);
  await page.getByText(/^carol us-east-1:.* ASIA/).waitFor();
});

// authjs signs in on a server with Auth.js, and returns its session and that server.
async function authjs(port, more = {}) {
  const env = { ...process.env, PORT: String(port), ISSUER, ...more };
  const server = spawn(process.execPath, ["signin/authjs.mjs"], { env, stdio: ["ignore", "pipe", "inherit"] });
  closers.push(() => server.kill());
  await once(server.stdout, "data");

  const page = await open(`http://localhost:${port}/auth/signin`);
  await page.getByRole("button", { name: /Poolhouse/ }).press("Enter");
  await onPage(page);
  await enter(page);
  await page.waitForURL(`http://localhost:${port}/**`);
  return { server, session: JSON.parse(await page.evaluate(async () => (await fetch("/auth/session")).text())) };
}

const audienceOf = (idToken) => JSON.parse(Buffer.from(idToken.split(".")[1], "base64url")).aud;

test("Auth.js signs in on a server", async () => {
  const probe = http.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  const { session } = await authjs(port);
  assert.equal(audienceOf(session.idToken), "poolhouse-dev");
  assert.match(await credentialsOf(session.idToken), /^us-east-1:/);
});

// The client of docs/dev-sign-in.md that has a secret, and one redirect URI, that of Auth.js.
const confidential = { CLIENT: "my-server", SECRET: "a secret of development" };
const callback = `http://localhost:${SERVER_PORT}/auth/callback/poolhouse`;

test("Auth.js signs in with a client of a seed that has a secret", async () => {
  const { server, session } = await authjs(SERVER_PORT, confidential);
  assert.equal(audienceOf(session.idToken), confidential.CLIENT);
  assert.match(await credentialsOf(session.idToken), /^us-east-1:/);
  server.kill();
  await once(server, "exit");

  const wrong = await authjs(SERVER_PORT, { ...confidential, SECRET: "another" });
  assert.equal(wrong.session, null);
  wrong.server.kill();
  await once(wrong.server, "exit");
});

const insecure = { execute: [client.allowInsecureRequests] };

test("openid-client signs in with code and PKCE, reads userinfo, rotates and revokes", async () => {
  const config = await client.discovery(new URL(ISSUER), "poolhouse-dev", undefined, client.None(), insecure);
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
  const parameters = {
    redirect_uri: "http://127.0.0.1:9/callback", scope: "openid email offline_access", state, nonce, login_hint: "bob@example.com",
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" };
  const page = await open(client.buildAuthorizationUrl(config, parameters).href);
  const landed = page.waitForRequest((request) => request.url().startsWith("http://127.0.0.1:9/callback"));
  await enter(page).catch(() => {}); // nobody listens there
  const back = new URL((await landed).url());
  const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce });
  assert.equal(tokens.claims().sub, "bob");
  assert.equal((await client.fetchUserInfo(config, tokens.access_token, "bob")).email, "bob@example.com");
  await credentialsOf(tokens.id_token);

  const next = await client.refreshTokenGrant(config, tokens.refresh_token);
  await client.tokenRevocation(config, next.refresh_token);
  await assert.rejects(client.refreshTokenGrant(config, next.refresh_token), { error: "invalid_grant" });
  await assert.rejects(client.fetchUserInfo(config, next.access_token, "bob"));
});

for (const [name, authenticate] of [["the header", client.ClientSecretBasic], ["the form", client.ClientSecretPost]]) {
  test(`openid-client signs in with a client of a seed, its secret in ${name}`, async () => {
    const { CLIENT, SECRET } = confidential;
    const as = (secret) => client.discovery(new URL(ISSUER), CLIENT, undefined, authenticate(secret), insecure);
    const config = await as(SECRET), wrong = await as("another");

    const verifier = client.randomPKCECodeVerifier(), state = client.randomState();
    const code = async () => {
      const page = await open(client.buildAuthorizationUrl(config, {
        redirect_uri: callback, scope: "openid offline_access", state, login_hint: "carol",
        code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" }).href);
      const landed = page.waitForRequest((request) => request.url().startsWith(callback));
      await enter(page).catch(() => {}); // nobody listens there
      return new URL((await landed).url());
    };
    const checks = { pkceCodeVerifier: verifier, expectedState: state };
    await assert.rejects(client.authorizationCodeGrant(wrong, await code(), checks), { status: 401 });

    const tokens = await client.authorizationCodeGrant(config, await code(), checks);
    assert.equal(tokens.claims().sub, "carol");
    assert.equal(tokens.claims().aud, CLIENT);
    await credentialsOf(tokens.id_token);
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true);

    await assert.rejects(client.refreshTokenGrant(wrong, tokens.refresh_token), { status: 401 });
    const next = await client.refreshTokenGrant(config, tokens.refresh_token);
    await client.tokenRevocation(config, next.refresh_token);
    assert.equal((await client.tokenIntrospection(config, next.access_token)).active, false);

    const page = await open(client.buildAuthorizationUrl(config, { redirect_uri: `${callback}/other`, scope: "openid" }).href);
    await page.getByText("none of those that the seed has").waitFor();
  });
}

test("openid-client signs a device in", async () => {
  const config = await client.discovery(new URL(ISSUER), "poolhouse-dev", undefined, client.None(), insecure);
  const device = await client.initiateDeviceAuthorization(config, { scope: "openid" });
  const waits = client.pollDeviceAuthorizationGrant(config, device, undefined, { signal: AbortSignal.timeout(20_000) });
  const page = await open(device.verification_uri_complete);
  await enter(page); // the code is there
  await page.getByRole("heading", { name: "Choose a user" }).waitFor();
  await tabTo(page, "carol");
  await enter(page);
  await page.getByText("Go back to your device").waitFor();
  const tokens = await waits;
  assert.equal(tokens.claims().sub, "carol");
  await credentialsOf(tokens.id_token);
});

const authorization = (more = "") => `${ISSUER}/authorize?client_id=poolhouse-dev&redirect_uri=http://localhost:5173/&response_type=code&scope=openid%20profile&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM${more}`;

for (const [name, url] of [["sign-in", authorization("&login_hint=somebody@example.com")], ["untrusted", authorization().replace("poolhouse-dev", "another-app")],
  ["device", `${ISSUER}/device`], ["problem", `${ISSUER}/authorize`]]) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 1000]) {
      test(`the page ${name} is accessible: ${width} px, ${colorScheme}`, async () => {
        const page = await open(url, { viewport: { width, height: 800 }, colorScheme });
        const results = await page.evaluate(`${axe}; axe.run()`);
        assert.deepEqual(results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`), []);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it scrolls sideways");
        if (SCREENSHOTS) await page.screenshot({ path: path.join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      });
    }
  }
}
