// Measures the first load of every page of the console in Chromium: requests, bytes as they are sent, first paint, and
// the time until the page is usable. As a program it prints a table of a running development server, and with --write
// puts it into console/README.md:
//
//   ENDPOINT=http://127.0.0.1:4566 POOLHOUSE_CHROMIUM=/usr/bin/chromium node console-measure.mjs --write
import fs from "node:fs";
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

// No page may send more than this; the aims are 60 kB and 12 requests. frameBudget bounds what is sent before any page is: markup, style, the library, the
// frame's script and the signer.
export const frameBudget = 35; // the aim is 30
export const most = { kB: 61, requests: 13 };

// load shows a route to a browser that has nothing in its cache and a key in this tab.
async function load(endpoint, route) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  await context.addInitScript(() => sessionStorage.setItem("poolhouse.key", '{"accessKeyId":"test","secretAccessKey":"test"}'));
  const page = await context.newPage();
  await page.goto(`${endpoint}/console/${route}`);
  await page.locator("main h1").waitFor();

  const found = await page.evaluate(async () => {
    const usable = performance.now();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const [document] = performance.getEntriesByType("navigation");
    const files = [document, ...performance.getEntriesByType("resource")].filter(({ name }) => name.includes("/console/"));
    const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
    return { usable, paint, files: files.map(({ name, encodedBodySize }) => ({ name: name.split("/console/")[1].split("#")[0], bytes: encodedBodySize })) };
  });
  await context.close();
  return found;
}

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
    `The frame alone: ${frame.toFixed(1)} kB; the aim is 30.`].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const endpoint = process.env.ENDPOINT;
  const [pool] = (await (await fetch(`${endpoint}/_poolhouse/dev/pools`)).json()).pools;
  if (!pool) throw new Error("the server has no pool to show: make one first");
  await measure(endpoint, pool.id); // warms the browser up
  const text = table(await measure(endpoint, pool.id));
  await browser.close();

  console.log(text);
  if (process.argv.includes("--write")) {
    const readme = new URL("../../console/README.md", import.meta.url);
    const before = fs.readFileSync(readme, "utf8");
    fs.writeFileSync(readme, before.replace(/(<!-- measured -->\n)[^]*?(<!-- end -->)/, (_, start, end) => `${start}${text}\n${end}`));
  }
}
