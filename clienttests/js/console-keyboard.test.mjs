// The console by the keyboard alone: where Tab goes, what single keys do, and whole tasks by pressed keys.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import {
  CreateIdentityPoolCommand, DescribeIdentityPoolCommand, GetIdCommand, GetIdentityPoolRolesCommand, ListIdentityPoolsCommand,
  SetIdentityPoolRolesCommand,
} from "@aws-sdk/client-cognito-identity";

import { arn, ENDPOINT, info, send } from "./console-clients.mjs";
import { browser, open, settled, signIn, views, visit } from "./console.mjs";
import { pool, route } from "./console-shop.mjs";

after(() => browser.close());

const rule = (Value, role) => ({ Claim: "plan", MatchType: "Equals", Value, RoleARN: arn("role", role) });
const { IdentityPoolId: ruled } = await send(CreateIdentityPoolCommand, {
  IdentityPoolName: "ruled", AllowUnauthenticatedIdentities: false, AllowClassicFlow: false, OpenIdConnectProviderARNs: [info.oidc_provider_arn] });
await send(SetIdentityPoolRolesCommand, {
  IdentityPoolId: ruled, Roles: { authenticated: arn("role", "poolhouse-dev-user") },
  RoleMappings: { [info.oidc_provider_arn]: { Type: "Rules", AmbiguousRoleResolution: "Deny", RulesConfiguration: { Rules: [
    rule("pro", "Pro"), rule("team", "Team"), rule("free", "Free")] } } } });
await send(GetIdCommand, { IdentityPoolId: ruled }).catch(() => undefined); // guests are refused: a second refusal

const names = async (id) => (await send(GetIdentityPoolRolesCommand, { IdentityPoolId: id }))
  .RoleMappings[info.oidc_provider_arn].RulesConfiguration.Rules.map(({ Value }) => Value);

// keysOf returns what a test does with the keyboard of a page.
function keysOf(page) {
  const at = () => page.evaluate(() => {
    const one = document.activeElement;
    const label = one.getAttribute("aria-label") ?? one.labels?.[0]?.innerText ?? one.innerText ?? "";
    return { name: label.replace(/\s+/g, " ").trim(), tag: one.localName };
  });

  return {
    at,
    press: async (...keys) => { for (const key of keys) await page.keyboard.press(key); },
    type: (text) => page.keyboard.type(text),
    // tab goes on until something of a name has the focus.
    tab: async (name, by = "Tab") => {
      const passed = [];
      for (let n = 0; n < 120; n++) {
        await page.keyboard.press(by);
        const found = await at();
        if (name instanceof RegExp ? name.test(found.name) : found.name === name) return;
        passed.push(found.name);
      }
      assert.fail(`Tab does not reach ${name}: ${passed.join(" | ")}`);
    },
    heading: (text) => page.waitForFunction((words) => document.activeElement.matches("h1, h2") && document.activeElement.innerText === words, text),
  };
}

// start opens the console at the height of a small notebook.
async function start(t, view = { ...views.wide, viewport: { width: 1280, height: 620 } }) {
  const shown = await open(ENDPOINT, view);
  t.after(shown.close);
  return { ...shown, ...keysOf(shown.page) };
}

test("sign in, make a pool, and delete it", async (t) => {
  const { page, press, type, tab, heading } = await start(t);
  await tab("Use the development key");
  await press("Enter");
  await heading("Overview");
  assert.equal(await page.title(), "Overview · Poolhouse");

  await press("g", "o"); // where somebody is already: nothing changes
  await press("g", "p");
  await heading("Pools");
  await settled(page);
  await tab("Create a pool");
  await press("Enter");
  await heading("New pool");
  await settled(page);
  await tab(/^Only users who sign in/);
  await press("ArrowDown");
  await tab(/^Next: Roles/);
  await press("Enter");
  await page.getByRole("heading", { name: "Roles", exact: true }).waitFor();
  await settled(page);
  await tab(/^Next: Providers/);
  await press("Enter");
  await page.getByRole("heading", { name: "Providers", exact: true }).waitFor();
  await settled(page);
  await tab(/^Next: Details/);
  await press("Enter");
  await page.getByRole("heading", { name: "Details", exact: true }).waitFor();
  await settled(page);
  await tab(/^Name/);
  await type("by keys gp"); // letters that are shortcuts elsewhere
  await press("Enter");
  await page.getByRole("heading", { name: "Review", exact: true }).waitFor();
  await settled(page);
  await tab("Create the pool");
  await press("Enter");
  await page.getByText("is made.").first().waitFor();
  const { IdentityPools } = await send(ListIdentityPoolsCommand, { MaxResults: 60 });
  const made = IdentityPools.find(({ IdentityPoolName }) => IdentityPoolName === "by keys gp");
  assert.ok(made, "no pool is made");

  await tab("Open the pool");
  await press("Enter");
  await heading("by keys gp");
  await settled(page);
  await tab("Delete the pool…");
  await press("Enter");
  await page.getByRole("dialog").waitFor();
  await settled(page);
  await type("by keys gp");
  await press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await heading("Pools");
  await assert.rejects(send(DescribeIdentityPoolCommand, { IdentityPoolId: made.IdentityPoolId }), { name: "ResourceNotFoundException" });
});

test("reorder rules and save them", async (t) => {
  const { page, at, press, tab } = await start(t);
  await signIn(page);
  await visit(page, route("pools", ruled, "roles"));
  const told = page.getByRole("status");
  await tab("Move rule 3 up");
  await press("Enter");
  await told.filter({ hasText: "Rule 2 of 3" }).waitFor();
  assert.equal((await at()).name, "Move rule 2 up", "the focus left the rule");
  await press("Enter");
  await told.filter({ hasText: "Rule 1 of 3" }).waitFor();
  await press("Enter"); // a press too many undoes nothing
  await told.filter({ hasText: "Already first" }).waitFor();
  assert.equal((await at()).name, "Move rule 1 up");
  await tab("Save rules");
  await press("Enter");
  await told.filter({ hasText: "Saved." }).waitFor();
  assert.deepEqual(await names(ruled), ["free", "pro", "team"]);
});

test("find a refusal and open it", async (t) => {
  const { page, press, tab, type, heading } = await start(t);
  await signIn(page);
  await press("g", "e");
  await heading("Explain");
  await settled(page);
  const current = page.locator("[data-refusals] [aria-current]");
  const list = page.locator("[data-refusals] a");
  assert.ok(await list.count() >= 2);
  await press("j");
  await page.waitForFunction(() => /^#\/explain\/[0-9a-f-]{36}/.test(location.hash));
  await settled(page);
  assert.equal(await current.count(), 1);
  const first = await current.getAttribute("href");
  await press("j");
  await page.waitForFunction((href) => !href.startsWith(location.hash), first);
  await settled(page);
  await press("k");
  await page.waitForFunction((href) => href.startsWith(location.hash), first);
  const live = page.getByRole("button", { name: "Live" });
  await press("p");
  await live.and(page.locator('[aria-pressed="false"]')).waitFor();
  await press("p");
  await live.and(page.locator('[aria-pressed="true"]')).waitFor();

  // In a field, the same keys are text, and change nothing else.
  const here = await page.evaluate(() => location.hash);
  await press("/");
  await page.waitForFunction(() => document.activeElement.matches("[data-paste]"));
  await type("gojkp?/");
  assert.equal(await page.locator("[data-paste]").inputValue(), "gojkp?/");
  assert.equal(await page.evaluate(() => location.hash), here);
  assert.equal(await page.getByRole("dialog").count(), 0);
  await tab("Skip to the content", "Shift+Tab");
});

test("the list of keys, and the switch that ends them", async (t) => {
  const { page, press, tab, heading } = await start(t);
  await signIn(page);
  await tab("Pools");
  await press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard" });
  await dialog.waitFor();
  await press("g", "i");
  assert.equal(await page.evaluate(() => location.hash), "#/overview", "keys act behind the dialog");
  await press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.innerText), "Pools", "Escape does not give the focus back");

  await press("?");
  await dialog.waitFor();
  if (!await page.evaluate(() => document.activeElement.matches("[type=checkbox]"))) await tab(/^Use single/);
  await press("Space", "Escape");
  await dialog.waitFor({ state: "detached" });
  await press("g", "i", "?", "/");
  assert.equal(await page.evaluate(() => location.hash), "#/overview", "the switch does not end single keys");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.evaluate(() => localStorage.clear());
  await press("g", "i");
  await heading("Identities");
});

test("tabs of languages", async (t) => {
  const { page, at, press, tab } = await start(t);
  await signIn(page);
  await visit(page, route("pools", ruled, "code"));
  const tabs = await page.getByRole("tablist").first().getByRole("tab").allInnerTexts();
  assert.ok(tabs.length >= 4);
  await tab(tabs[0]);
  for (const [key, want] of [["ArrowRight", 1], ["End", tabs.length - 1], ["ArrowRight", 0], ["ArrowLeft", tabs.length - 1], ["Home", 0]]) {
    await press(key);
    assert.equal((await at()).name, tabs[want], key);
    assert.equal(await page.getByRole("tablist").first().locator('[aria-selected="true"]').innerText(), tabs[want], key);
  }
});

// stops presses Tab until it comes round, and returns what is wrong with the stops.
async function stops(page) {
  const faults = [];
  let last = null;
  for (let n = 1; n < 250; n++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const one = document.activeElement;
      if (one === document.body) return null;
      // Hidden fields are drawn by their labels.
      const box = one.getBoundingClientRect();
      const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height, innerHeight) / 2];
      const top = document.elementFromPoint(x, y);
      const sticky = one.closest(".bar, .side") !== null;
      return {
        html: one.outerHTML.slice(0, 140), top: box.top + scrollY, bottom: box.bottom + scrollY, left: box.left, right: box.right,
        seen: top !== null && (one.contains(top) || top.contains(one) && !/^(body|main|html)$/i.test(top.localName) || [...(one.labels ?? [])].some((label) => label.contains(top))),
        over: top?.outerHTML.slice(0, 100), positive: one.tabIndex > 0, sticky, skip: one.matches(".skip"),
      };
    });
    if (!stop || n > 1 && stop.skip) return { faults, count: n - 1 };
    if (n === 1 && !stop.skip) faults.push(`the first stop is no skip link: ${stop.html}`);
    if (!stop.seen) faults.push(`hidden: ${stop.html} below ${stop.over}`);
    if (stop.positive) faults.push(`tabindex: ${stop.html}`);
    if (last && !last.sticky && !stop.sticky && stop.bottom <= last.top && stop.left < last.right && stop.right > last.left)
      faults.push(`upwards: ${stop.html} after ${last.html}`);
    last = stop;
  }
  return { faults: [...faults, "Tab does not leave the page"], count: 250 };
}

const walked = {
  pools: route("pools"), "new pool": route("pools", "new", "roles"), rules: route("pools", ruled, "roles"), code: route("pools", pool, "code"),
  explain: route("explain"), playground: route("play"), roles: route("access", "roles"), server: route("server", "settings"),
};

for (const [name, viewport] of [["wide", { width: 1280, height: 620 }], ["narrow", { width: 360, height: 620 }]]) {
  test(`every stop of Tab is seen, in order, ${name}`, async (t) => {
    const { page } = await start(t, { ...views[name], viewport });
    await signIn(page);
    for (const [title, at] of Object.entries(walked)) {
      await t.test(title, async () => {
        await visit(page, at);
        // Tab begins at the top of the page.
        await page.evaluate(() => {
          scrollTo(0, 0);
          document.body.tabIndex = -1;
          document.body.focus();
          document.body.removeAttribute("tabindex");
        });
        const { faults, count } = await stops(page);
        assert.deepEqual(faults, []);
        assert.ok(count > 8, `${count} stops`);
      });
    }
  });
}
