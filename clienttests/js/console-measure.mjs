// Measures the first load of every page of the console in Chromium: requests, bytes as they are sent, first paint, and
// the time until the page is usable; and the overview of a server that has just started. As a program it prints a table
// of a running development server, and with --write puts it into console/README.md. It starts the `poolhouse` of PATH for
// the overview:
//
//   ENDPOINT=http://127.0.0.1:4566 POOLHOUSE_CHROMIUM=/usr/bin/chromium node console-measure.mjs --write
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import readline from "node:readline";
import { fileURLToPath } from "node:url";

import { browser } from "./console.mjs";

// budgets are the aims of the design, in kB (1,000 bytes) of the first load as it is sent.
export const budgets = {
  key: ["#/key", 60],
  overview: ["#/overview", 40],
  pools: ["#/pools", 60],
  "new pool": ["#/pools/new", 44],
  pool: ["#/pools/POOL/overview", 46],
  "pool, providers": ["#/pools/POOL/providers", 46],
  "pool, roles": ["#/pools/POOL/roles", 46],
  "pool, tags": ["#/pools/POOL/tags", 46],
  "pool, identities": ["#/pools/POOL/identities", 46],
  "pool, code": ["#/pools/POOL/code", 46],
  "pool, settings": ["#/pools/POOL/settings", 46],
  identities: ["#/identities", 60],
  explain: ["#/explain", 48],
  "any token": ["#/explain/token", 60],
  playground: ["#/play", 44],
  roles: ["#/access/roles", 60],
  "OpenID Connect providers": ["#/access/oidc", 60],
  "SAML providers": ["#/access/saml", 60],
  "access keys": ["#/access/keys", 60],
  engines: ["#/access/engines", 60],
  server: ["#/server", 60],
  settings: ["#/server/settings", 60],
};

// No page may send more than this. frameBudget bounds what is sent before any page is: markup, style, the library, the
// frame's script and the signer.
export const frameBudget = 30;
export const most = { kB: 60, requests: 13 }; // the aim is 12 requests

// coldAim is how many milliseconds the overview of a server that has just started may take on an idle machine. Tests
// share theirs with others, so they allow thrice as much, and the fastest of several tries counts.
export const coldAim = 300;
export const coldBound = 3 * coldAim;

// firstData marks what a page shows of the server's answers.
const firstData = "main .figures .card";

// visitor returns a page that has nothing in its cache and a key in this tab. window.shown(selector) is the time since
// the navigation began when an element was there, as the page saw it.
async function visitor() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  await context.addInitScript(() => {
    sessionStorage.setItem("poolhouse.key", '{"accessKeyId":"test","secretAccessKey":"test"}');
    window.shown = (selector) => new Promise((done) => {
      const look = () => document.querySelector(selector) && (watch.disconnect(), done(performance.now()));
      const watch = new MutationObserver(look);
      watch.observe(document, { subtree: true, childList: true });
      look();
    });
    window.heading = window.shown("main h1");
  });

  return { context, page: await context.newPage() };
}

// waits reports whether a request is the one that Explain leaves open, until a refusal comes.
const waits = (request) => /"WaitSeconds":[1-9]/.test(request.postData() ?? "");

// load shows a route until the page waits for nothing any more: what it loads to show its data belongs to the first load.
async function load(endpoint, route) {
  const { context, page } = await visitor();
  const open = new Set();
  page.on("request", (request) => { if (!waits(request)) open.add(request); });
  for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => open.delete(request));

  await page.goto(`${endpoint}/console/${route}`);
  const usable = await page.evaluate(() => window.heading);
  // An answer that has come is drawn in one of the next frames, and may then ask for a file.
  for (let quiet = 0; quiet < 3; quiet = open.size > 0 ? 0 : quiet + 1) {
    await page.waitForFunction(() => !document.querySelector('main [aria-busy="true"]'));
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }

  const found = await page.evaluate(() => {
    const [document] = performance.getEntriesByType("navigation");
    const files = [document, ...performance.getEntriesByType("resource")].filter(({ name }) => name.includes("/console/"));
    const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
    return { paint, files: files.map(({ name, encodedBodySize }) => ({ name: name.split("/console/")[1].split("#")[0], bytes: encodedBodySize })) };
  });
  await context.close();
  return { ...found, usable };
}

// started runs a development server that has never answered before, and returns its address and what ends it.
async function started() {
  // Settings of the tests are no settings of the server, which refuses those that it does not know.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("POOLHOUSE_")));
  const server = spawn("poolhouse", ["dev", "--memory", "--demo", "--listen", "127.0.0.1:0"], { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(server, "exit");
  let said = "";
  server.stderr.on("data", (text) => { said = (said + text).slice(-2000); });
  const lines = readline.createInterface({ input: server.stdout });
  const endpoint = await new Promise((done, fail) => {
    server.once("error", fail);
    lines.on("line", (line) => {
      const found = /listens on (http:\/\/\S+)/.exec(line)?.[1];
      if (found) done(found);
    });
    lines.once("close", () => fail(new Error(`poolhouse dev printed no address: ${said}`)));
  });

  return { endpoint, stop: async () => { server.kill(); await ended; } };
}

// cold returns the times, in milliseconds and ascending, from the beginning of the navigation to the overview's heading
// and first figures, each with a server of its own.
export async function cold(times = 5) {
  const found = [];
  for (let n = 0; n < times; n++) {
    const server = await started();
    const { context, page } = await visitor();
    try {
      await page.goto(`${server.endpoint}/console/#/overview`);
      found.push(await page.evaluate(async (data) => Math.max(await window.heading, await window.shown(data)), firstData));
    } finally {
      await context.close();
      await server.stop();
    }
  }

  return found.sort((a, b) => a - b);
}

export const median = (sorted) => sorted[Math.floor(sorted.length / 2)];

const kB = (files) => files.reduce((sum, { bytes }) => sum + bytes, 0) / 1000;

// measure returns a row for each page, and the size of the frame.
export async function measure(endpoint, pool) {
  const rows = [];
  for (const [title, [route, budget]] of Object.entries(budgets)) {
    const { files, usable, paint } = await load(endpoint, route.replace("POOL", encodeURIComponent(pool)));
    rows.push({ title, budget, requests: files.length, kB: kB(files), paint, usable, files });
  }

  // The frame is what every page loads before its own parts.
  const frame = rows[0].files.filter(({ name }) => name === "" || /^assets\/(index|frame)-/.test(name) || /^context|^mark/.test(name));
  return { rows, frame: kB(frame) };
}

function table({ rows, frame }) {
  const lines = rows.map((row) => `| ${row.title} | ${row.kB.toFixed(1)} | ${row.budget} | ${row.requests} | ${row.paint.toFixed(0)} | ${row.usable.toFixed(0)} |`);
  return ["| Page | kB sent | Aim | Requests | First paint, ms | Usable, ms |", "|---|---|---|---|---|---|", ...lines, "",
    `The frame alone: ${frame.toFixed(1)} kB; at most ${frameBudget}.`].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const endpoint = process.env.ENDPOINT;
  const [pool] = (await (await fetch(`${endpoint}/_poolhouse/dev/pools`)).json()).pools;
  if (!pool) throw new Error("the server has no pool to show: make one first");
  await measure(endpoint, pool.id); // warms the browser up
  const times = await cold();
  const text = [table(await measure(endpoint, pool.id)), "",
    `The overview of a server that has just started: ${median(times).toFixed(0)} ms until its first figures (median of`,
    `${times.length}; ${times[0].toFixed(0)} to ${times.at(-1).toFixed(0)} ms); the aim is ${coldAim} ms.`].join("\n");
  await browser.close();

  console.log(text);
  if (process.argv.includes("--write")) {
    const readme = new URL("../../console/README.md", import.meta.url);
    const before = fs.readFileSync(readme, "utf8");
    fs.writeFileSync(readme, before.replace(/(<!-- measured -->\n)[^]*?(<!-- end -->)/, (_, start, end) => `${start}${text}\n${end}`));
  }
}
