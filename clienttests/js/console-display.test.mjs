// The console as some people's systems show it: spaced text on 320 px, forced colours, no motion, and targets that
// fingers hit.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { SetIdentityPoolRolesCommand, UpdateIdentityPoolCommand } from "@aws-sdk/client-cognito-identity";

import { admin, arn, ENDPOINT, info, send } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, signInWith, views, visit } from "./console.mjs";
import { identity, pool, route } from "./console-shop.mjs";

after(() => browser.close());

await send(UpdateIdentityPoolCommand, {
  IdentityPoolId: pool, IdentityPoolName: "shop", AllowUnauthenticatedIdentities: true, AllowClassicFlow: false,
  OpenIdConnectProviderARNs: [info.oidc_provider_arn] });
const rules = ["pro", "team"].map((Value) => ({ Claim: "plan", MatchType: "Equals", Value, RoleARN: arn("role", "poolhouse-dev-user") }));
await send(SetIdentityPoolRolesCommand, {
  IdentityPoolId: pool, Roles: { authenticated: arn("role", "poolhouse-dev-user") },
  RoleMappings: { [info.oidc_provider_arn]: { Type: "Rules", AmbiguousRoleResolution: "Deny", RulesConfiguration: { Rules: rules } } } });

const routes = {
  key: route("key"), overview: route("overview"), pools: route("pools"), "new pool": route("pools", "new", "roles"),
  pool: route("pools", pool, "overview"), rules: route("pools", pool, "roles"), tags: route("pools", pool, "tags"),
  code: route("pools", pool, "code"), settings: route("pools", pool, "settings"), identity: route("identities", identity),
  explain: route("explain"), "any token": route("explain", "token"), playground: route("play"), roles: route("access", "roles"),
  "access keys": route("access", "keys"), server: route("server"), "signing keys": route("server", "keys"),
};

async function start(t, view) {
  const shown = await open(ENDPOINT, { ...views.narrow, ...view });
  t.after(shown.close);
  await signIn(shown.page);
  return shown;
}

// clipped finds words that are cut off or lie over each other.
const clipped = (page) => page.evaluate(() => [...document.querySelectorAll("main :is(button, .button, .tag, h1, h2, label, summary, dt, dd, th, td)")]
  .filter((one) => one.checkVisibility() && !one.closest(".hidden, .scroll"))
  .filter((one) => {
    const { overflowX, overflowY } = getComputedStyle(one);
    return overflowY !== "visible" && one.scrollHeight > one.clientHeight + 2 || overflowX !== "visible" && one.scrollWidth > one.clientWidth + 2
      || one.localName === "button" && (one.scrollWidth > one.clientWidth + 2 || one.scrollHeight > one.clientHeight + 2);
  })
  .map((one) => `clipped: ${one.innerText.slice(0, 60)}: ${one.outerHTML.slice(0, 120)}`));

// small finds targets of less than 24 px that have no room around them, as WCAG 2.5.8 has it; links in sentences may be.
const small = (page) => page.evaluate(() => {
  const all = [...document.querySelectorAll("a, button, input, select, textarea, summary, [role=tab]")].filter((one) => one.checkVisibility() && !one.closest(".hidden, .skip"));
  const boxes = all.map((one) => {
    const label = one.matches("[type=checkbox], [type=radio]") ? one.closest("label") : null;
    return (label ?? one).getBoundingClientRect();
  });
  return all.filter((one, n) => {
    const box = boxes[n];
    if (box.width >= 24 && box.height >= 24 || box.width === 0 || getComputedStyle(one).display === "inline" && one.matches("a, .link")) return false;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    return boxes.some((other, m) => m !== n && other.width > 0 && Math.hypot(Math.max(other.left - x, x - other.right, 0), Math.max(other.top - y, y - other.bottom, 0)) < 12);
  }).map((one) => `small: ${one.outerHTML.slice(0, 120)}`);
});

const spacing = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }";

test("spaced text on 320 px", async (t) => {
  const shown = await start(t, { viewport: { width: 320, height: 700 } });
  const { page } = shown;
  // The sheet of a constructed style is no matter of the Content-Security-Policy.
  await page.evaluate((css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    document.adoptedStyleSheets = [sheet];
  }, spacing);
  for (const [title, at] of Object.entries(routes)) {
    await t.test(title, async () => {
      await visit(page, at);
      await picture(page, `display-spaced-${title}`);
      const faults = (await faultsOf(shown)).filter((fault) => !fault.startsWith("axe"));
      assert.deepEqual([...faults, ...await clipped(page)], []);
    });
  }
});

// A screen of 1280 px at 200 %, as on a notebook.
test("the header and a dialog on small screens", async (t) => {
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
  const { AccessKey, SecretAccessKey } = await admin("CreateAccessKey", { Policy });
  for (const width of [320, 360, 400]) {
    await t.test(`${width} px`, async (t) => {
      const shown = await open(ENDPOINT, { ...views.narrow, viewport: { width, height: 420 } });
      t.after(shown.close);
      const { page } = shown;
      await signInWith(page, { id: AccessKey.AccessKeyId, secret: SecretAccessKey });
      await picture(page, `display-header-${width}`);
      assert.deepEqual(await page.evaluate(headerFaults), []);

      // The buttons are there before somebody scrolls, and the last field can still be reached.
      await visit(page, route("access", "saml"));
      await page.getByRole("button", { name: "Add a provider" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      await settled(page);
      await picture(page, `display-dialog-${width}`);
      for (const name of ["Add the provider", "Cancel"]) {
        const box = await dialog.getByRole("button", { name }).boundingBox();
        assert.ok(box.y >= 0 && box.y + box.height <= 420, `${name} is out of the window: ${JSON.stringify(box)}`);
      }
      await dialog.getByLabel("Or read it from a file").focus();
      const [field, buttons] = [await dialog.getByLabel("Or read it from a file").boundingBox(), await dialog.getByRole("button", { name: "Cancel" }).boundingBox()];
      assert.ok(field.y >= 0 && field.y + field.height <= buttons.y + 1, "the buttons lie over the field that has the focus");
      assert.deepEqual((await faultsOf(shown)).filter((fault) => !fault.startsWith("axe: scrollable")), []);
    });
  }
});

// headerFaults lists what is cut, or lies over its neighbour, in the header; the name of a key alone may be shortened.
function headerFaults() {
  const parts = [...document.querySelectorAll("header > *")].filter((one) => one.checkVisibility() && !one.matches(".grow"));
  const boxes = parts.map((one) => one.getBoundingClientRect());
  const faults = [];
  parts.forEach((one, n) => {
    const box = boxes[n];
    if (box.left < 0 || box.right > innerWidth + 0.5) faults.push(`out of the window: ${one.outerHTML.slice(0, 80)}`);
    if (n > 0 && box.left < boxes[n - 1].right - 0.5) faults.push(`over its neighbour: ${one.outerHTML.slice(0, 80)}`);
    if (!one.matches(".who") && one.scrollWidth > one.clientWidth + 1) faults.push(`cut: ${one.outerHTML.slice(0, 80)}`);
    if (box.height > 48) faults.push(`higher than the header: ${one.outerHTML.slice(0, 80)}`);
  });
  const name = document.querySelector("header .who .cut");
  if (name.getBoundingClientRect().right > innerWidth - 7) faults.push("the key's name has no edge");
  if (name.scrollWidth > name.clientWidth && getComputedStyle(name).textOverflow !== "ellipsis") faults.push("the key's name is cut");
  if (name.clientWidth < 24) faults.push("nothing is left of the key's name");
  return faults;
}

test("twice the size, and targets for fingers", async (t) => {
  const shown = await start(t, { viewport: { width: 640, height: 430 }, deviceScaleFactor: 2, colorScheme: "light" });
  const { page } = shown;
  for (const [title, at] of Object.entries(routes)) {
    await t.test(title, async () => {
      await visit(page, at);
      const faults = (await faultsOf(shown)).filter((fault) => !fault.startsWith("axe"));
      assert.deepEqual([...faults, ...await clipped(page), ...await small(page)], []);
    });
  }
  await picture(page, "display-twice");

  // Planted faults, which the checks must find.
  await page.evaluate(() => {
    const row = document.querySelector("main").appendChild(document.createElement("p"));
    for (const name of ["a", "b", "long words that have no room"]) {
      const button = row.appendChild(document.createElement("button"));
      button.textContent = name;
      Object.assign(button.style, { width: name.length > 1 ? "60px" : "12px", height: "12px", minHeight: "0", padding: "0", overflow: "hidden", whiteSpace: "nowrap" });
    }
  });
  assert.ok((await small(page)).length >= 2, "small targets are not found");
  assert.ok((await clipped(page)).some((fault) => fault.includes("long words")), "clipped words are not found");
});

test("no motion for those who want none", async (t) => {
  const moving = (page) => page.evaluate(() => [...document.querySelectorAll("*")]
    .filter((one) => ["", "::before", "::after"].some((part) => {
      const { transitionDuration, animationName } = getComputedStyle(one, part || null);
      return animationName !== "none" || transitionDuration.split(", ").some((time) => parseFloat(time) > 0);
    })).map((one) => one.outerHTML.slice(0, 80)));
  const still = await start(t, { reducedMotion: "reduce" });
  const usual = await start(t, { reducedMotion: "no-preference" });
  for (const at of [routes.overview, routes.explain, routes.playground, routes.rules]) {
    await visit(still.page, at);
    await busy(still.page);
    assert.deepEqual(await moving(still.page), []);
  }
  await visit(usual.page, routes.rules);
  assert.notEqual((await moving(usual.page)).length, 0, "nothing moves at all, so the test proves nothing");
});

// busy shows the grey bars as well, which stand for what is loaded.
async function busy(page) {
  await page.route(`${ENDPOINT}/`, () => undefined);
  await page.evaluate(() => { location.hash = "#/pools"; });
  await page.locator('main [aria-busy="true"]').first().waitFor();
  await page.unroute(`${ENDPOINT}/`);
}

// drawn is what tells a thing from its like where a system chooses the colours: borders, outlines, and words.
const drawn = (locator) => locator.evaluateAll((all) => all.map((one) => {
  const style = getComputedStyle(one);
  const sides = ["Top", "Right", "Bottom", "Left"].map((side) => style[`border${side}Style`] === "none" || style[`border${side}Width`] === "0px"
    ? "" : `${style[`border${side}Width`]} ${style[`border${side}Color`]}`);
  return [...sides, style.fontWeight, style.textDecorationLine].join("; ");
}));

test("forced colours", async (t) => {
  const shown = await start(t, { viewport: { width: 1280, height: 800 }, forcedColors: "active", colorScheme: "dark" });
  const { page } = shown;

  // differs fails unless the chosen one looks different from the others, which look alike.
  const differs = async (at, chosen, others, what) => {
    await visit(page, at);
    await picture(page, `display-forced-${what}`);
    const [one, ...more] = await drawn(page.locator(chosen));
    const rest = await drawn(page.locator(others));
    assert.ok(one !== undefined && more.length === 0, `${what}: ${more.length + 1} are chosen`);
    assert.ok(rest.length > 0, `${what}: there are no others`);
    assert.deepEqual([...new Set(rest)].length, 1, `${what}: the others differ: ${[...new Set(rest)].join(" / ")}`);
    assert.notEqual(one, rest[0], `${what}: the chosen one looks as the others`);
    // A border that is transparent elsewhere has a colour here: every one would look chosen.
    assert.doesNotMatch(rest[0], /px (?!rgb\(0, 0, 0\))/, `${what}: all have borders`);
  };
  await differs(routes.pools, ".side nav a[aria-current]", ".side nav a:not([aria-current])", "pages");
  await differs(routes.rules, "main nav:has([aria-current]) a[aria-current]", "main nav:has([aria-current]) a:not([aria-current])", "sections");
  await differs(routes.code, "main [role=tab][aria-selected=true]", "main [role=tab][aria-selected=false]", "languages");
  await differs(routes["new pool"], "main nav.large a[aria-current]", "main nav.large a:not([aria-current])", "steps");

  await visit(page, routes.rules);
  await page.getByLabel("Claims or a token").fill('{"plan":"team"}');
  await page.locator("main .rules li.matched").waitFor();
  await settled(page);
  await picture(page, "display-forced-match");
  assert.match(await page.locator("main .rules li.matched").innerText(), /matches/); // the colour does not tell it here

  // Buttons have borders, and the focus is seen.
  await page.keyboard.press("Tab");
  const button = await page.getByRole("button", { name: "Add rule" }).evaluate((one) => getComputedStyle(one).borderTopWidth);
  assert.notEqual(button, "0px");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, "none");
});
