// Makes the pictures of the documents: pages of the console with made-up data. It begins the development server anew, so
// it needs one that nobody uses, and it needs pngquant, of the Debian package of that name:
//
//   poolhouse dev --memory --listen 127.0.0.1:4598
//   POOLHOUSE_INFO='{"endpoint":"http://127.0.0.1:4598"}' POOLHOUSE_CHROMIUM=/usr/bin/chromium \
//     SCREENSHOTS=../../docs/pictures node console-pictures.mjs
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

import { ENDPOINT } from "./console-clients.mjs";
import { fill } from "./console-filled.mjs";
import { browser, open, settled, signIn, visit } from "./console.mjs";

const most = 120_000; // bytes

const folder = process.env.SCREENSHOTS;
assert.ok(folder, "SCREENSHOTS must name a folder");

const routes = await fill();
const { page, reports } = await open(ENDPOINT, { viewport: { width: 1280, height: 800 }, colorScheme: "light" });

// spread makes a day of what came in a few seconds, so that the charts have something to show.
function spread({ Series, ...rest }) {
  const over = (values) => {
    const all = values.reduce((sum, value) => sum + value, 0);
    const weights = values.map((_, n) => 1.2 - Math.cos(n / values.length * 2 * Math.PI) + 0.4 * Math.sin(7 * n));
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    let passed = 0, given = 0;
    return weights.map((weight) => {
      passed += weight;
      const now = Math.round(all * passed / whole) - given;
      given += now;
      return now;
    });
  };
  const each = (rows) => Object.fromEntries(Object.entries(rows).map(([name, values]) => [name, over(values)]));
  return { ...rest, Series: { ...Series, SignIns: over(Series.SignIns), Guests: over(Series.Guests), Refused: each(Series.Refused) } };
}
await page.route(`${ENDPOINT}/`, async (route) => {
  if (!route.request().headers()["x-amz-target"]?.endsWith(".GetStatistics")) return route.fallback();
  const answer = await route.fetch();
  return route.fulfill({ response: answer, json: spread(await answer.json()) });
});

await signIn(page);

async function take(name, route, prepare = async () => undefined) {
  await visit(page, route);
  await prepare();
  await page.evaluate(() => document.activeElement.blur());
  await page.mouse.move(640, 20); // where nothing is that would look pointed at
  const picture = execFileSync("pngquant", ["--speed", "1", "256", "-"], { input: await page.screenshot() });
  assert.ok(picture.length <= most, `${name}: ${picture.length} bytes, more than ${most}`);
  fs.writeFileSync(path.join(folder, `console-${name}.png`), picture);
}

await take("overview", routes.overview);
await take("pool", routes["pool, roles"], async () => {
  await page.getByLabel("Claims or a token").fill('{"groups": ["editors"], "plan": "yearly"}');
  await page.locator("main .rules li.matched").waitFor();
  await settled(page);
});
await take("refusal", routes["explain, refusal"]);
await take("playground", routes.playground, async () => {
  await page.getByRole("button", { name: "Run all steps", exact: true }).click();
  await page.getByRole("status").filter({ hasText: "The sign-in works" }).waitFor();
  await settled(page);
  await page.evaluate(() => scrollTo(0, 0));
});
assert.deepEqual(reports, []);
await browser.close();
