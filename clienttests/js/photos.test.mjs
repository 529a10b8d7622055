// The example of examples/photos in Chromium: a user signs in, uploads, lists, deletes, and is
// refused the folder of another user. With SCREENSHOTS, pictures of the page go to that folder.
import assert from "node:assert/strict";
import path from "node:path";
import test, { after } from "node:test";

import { launch } from "./browser.mjs";

const { PHOTOS, STORE, SCREENSHOTS } = process.env;

const browser = await launch([]);
after(() => browser.close());

async function screenshot(page, name) {
  if (SCREENSHOTS) await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

// open shows the app to another person, each with a browser of their own.
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 900, height: 700 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => assert.fail(error));
  await page.goto(PHOTOS);
  return page;
}

// appears waits until the page shows something, and fails with what it complains of instead.
async function appears(page, locator) {
  const problem = page.getByRole("alert");
  await locator.or(problem).first().waitFor();
  if (await problem.count()) assert.fail(await problem.innerText());
}

async function signIn(page, user) {
  await page.getByLabel("User").fill(user);
  await page.getByRole("button", { name: "Sign in" }).click();
  const identity = page.getByTestId("identity");
  await appears(page, identity);
  await appears(page, page.getByText("No photos yet.").or(page.getByRole("img").first()));
  return identity.innerText();
}

// picture paints one, in the browser, as no file of this repository has to be one.
async function picture(page, colours) {
  const url = await page.evaluate((colours) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
    const context = canvas.getContext("2d");
    const sky = context.createLinearGradient(0, 0, 0, 480);
    colours.forEach((colour, n) => sky.addColorStop(n / (colours.length - 1), colour));
    context.fillStyle = sky;
    context.fillRect(0, 0, 640, 480);
    context.fillStyle = "#fff8";
    context.beginPath();
    context.arc(470, 130, 50, 0, 7);
    context.fill();
    context.fillStyle = "#0006";
    context.beginPath();
    context.moveTo(0, 480);
    for (const [x, y] of [[0, 360], [180, 250], [300, 340], [430, 220], [640, 370], [640, 480]]) context.lineTo(x, y);
    context.fill();
    return canvas.toDataURL("image/png");
  }, colours);
  return Buffer.from(url.split(",")[1], "base64");
}

async function upload(page, name, colours) {
  const buffer = await picture(page, colours);
  await page.getByLabel("Add a photo").setInputFiles({ name, mimeType: "image/png", buffer });
  await appears(page, shown(page, name));
  return buffer;
}

const shown = (page, name) => page.getByRole("img", { name });
const width = (image) => image.evaluate(async (element) => { await element.decode(); return element.naturalWidth; });

async function look(page, identity) {
  await page.getByLabel("Identity").fill(identity);
  await page.getByRole("button", { name: "Look into it" }).click();
}

test("a user has a folder, and no other user has it", async () => {
  const alice = await open();
  await screenshot(alice, "sign-in");
  const her = await signIn(alice, "alice");
  assert.match(her, /^us-east-1:[0-9a-f-]{36}$/);

  const lake = await upload(alice, "lake.png", ["#274690", "#7fb7ff", "#ffe3c4"]);
  await upload(alice, "evening in the hills.png", ["#2b1b3d", "#c8553d", "#ffd166"]);
  assert.equal(await width(shown(alice, "lake.png")), 640);
  await screenshot(alice, "photos");

  // The store has them in the folder of her identity.
  const stored = await fetch(`${STORE}/photos/${encodeURIComponent(her)}/lake.png`);
  assert.deepEqual(Buffer.from(await stored.arrayBuffer()), lake);
  assert.equal(stored.headers.get("content-type"), "image/png");

  const bob = await open({ colorScheme: "dark", viewport: { width: 420, height: 800 } });
  const his = await signIn(bob, "bob");
  assert.notEqual(his, her);
  assert.equal(await bob.getByRole("img").count(), 0);

  await look(bob, her);
  const refusal = bob.getByRole("alert");
  await refusal.waitFor();
  assert.match(await refusal.innerText(), /AccessDenied/);
  assert.equal(await bob.getByRole("img").count(), 0);
  await screenshot(bob, "refused");

  // The folder is refused for a write, too, and his own still works.
  await bob.getByLabel("Add a photo").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: lake });
  await refusal.waitFor();
  assert.equal((await fetch(`${STORE}/photos/${encodeURIComponent(her)}/x.png`)).status, 404);
  await bob.getByRole("button", { name: "Show my photos" }).click();
  await bob.getByText("No photos yet.").waitFor();
  await upload(bob, "night.png", ["#05070f", "#1b2a4a"]);
  await screenshot(bob, "dark");
});

test("a user who comes back has the same folder, and can delete from it", async () => {
  const page = await open();
  await signIn(page, "carol");
  await upload(page, "dunes.png", ["#8ecae6", "#ffb703"]);
  await page.getByRole("button", { name: "Sign out" }).click();

  await signIn(page, "dave");
  await page.getByText("No photos yet.").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();

  await signIn(page, "carol");
  await shown(page, "dunes.png").waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("No photos yet.").waitFor();
});
