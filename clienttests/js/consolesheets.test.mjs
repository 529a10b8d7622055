// Every page of the console with made-up data, in both themes, at four widths, and as some people's systems show it. With
// SCREENSHOTS, a sheet of each page goes to that folder: a picture with all of its views side by side.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { ENDPOINT } from "./console-clients.mjs";
import { fill, without } from "./console-filled.mjs";
import { browser, faultsOf, open, signIn, visit } from "./console.mjs";

after(() => browser.close());

const heights = { 1280: 860, 768: 1024, 360: 780, 320: 700 };
const folder = process.env.SCREENSHOTS;
const routes = await fill();
const taken = new Map(Object.keys(routes).map((title) => [title, []]));

test("every route has a page here", () => assert.deepEqual(without(routes), []));

// Forced colours are the system's, and axe compares them with colours of the page that nobody sees.
const faultsIn = (faults, { forcedColors }) => faults.filter((fault) => !forcedColors || !fault.startsWith("axe: color-contrast"));

// walk opens every page in one view. The picture is small: a sheet has eight of them.
async function walk(t, name, view) {
  const shown = await open(ENDPOINT, view);
  t.after(shown.close);
  await t.test("before a key", async () => assert.deepEqual(faultsIn(await faultsOf(shown), view), []));
  await signIn(shown.page);
  await shown.page.mouse.move(0, 0); // nothing looks pointed at

  for (const [title, route] of Object.entries(routes)) {
    await t.test(title, async () => {
      await visit(shown.page, route);
      if (folder) taken.get(title).push({ name, data: await shown.page.screenshot({ fullPage: true, type: "jpeg", quality: 80 }) });
      assert.deepEqual(faultsIn(await faultsOf(shown), view), []);
    });
  }
}

for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of Object.entries(heights)) {
    const name = `${colorScheme}, ${width} px`;
    test(name, (t) => walk(t, name, { viewport: { width: Number(width), height }, colorScheme }));
  }
}

const settings = {
  "forced colours": { forcedColors: "active" },
  "motion": { reducedMotion: "no-preference" }, // every other view is without
};
for (const [setting, view] of Object.entries(settings)) {
  for (const [width, colorScheme] of [[1280, "dark"], [360, "light"]]) {
    const name = `${setting}, ${colorScheme}, ${width} px`;
    test(name, (t) => walk(t, name, { viewport: { width, height: heights[width] }, colorScheme, ...view }));
  }
}

if (folder) test("sheets", async () => {
  const page = await browser.newPage({ viewport: { width: 2800, height: 900 } });
  for (const [title, views] of taken) {
    const figures = views.map(({ name, data }) => `<figure><figcaption>${name}</figcaption>
      <img src="data:image/jpeg;base64,${data.toString("base64")}" style="margin: 0; width: ${/(\d+) px/.exec(name)[1] / 2}px"></figure>`);
    await page.setContent(`<h1>${title}</h1><div style="display: flex; flex-wrap: wrap; gap: 8px; align-items: start">${figures.join("")}</div>`);
    await page.evaluate(() => Promise.all([...document.images].map((image) => image.decode())));
    const picture = await page.screenshot({ fullPage: true });
    fs.writeFileSync(path.join(folder, `sheet-${title.replace(/[^\w-]+/g, "-")}.png`), picture);
  }
});
