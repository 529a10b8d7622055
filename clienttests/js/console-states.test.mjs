// What a page of each kind shows while it waits, when nothing is there, when the server fails, and when the key may not
// see it; what the console does when its key expires, when the clock is wrong, and where the browser offers no
// cryptography. With SCREENSHOTS, a picture of every state goes to that folder.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand, GetIdCommand, SetIdentityPoolRolesCommand } from "@aws-sdk/client-cognito-identity";

import { answers, endless } from "./console-answers.mjs";
import { admin, ENDPOINT, of, send } from "./console-calls.mjs";
import { dev } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, signInWith, views, visit } from "./console.mjs";

after(() => browser.close());

await dev("reset", { empty: true });
const { IdentityPoolId: pool } = await send(CreateIdentityPoolCommand, {
  IdentityPoolName: "shop", AllowUnauthenticatedIdentities: true, AllowClassicFlow: false, DeveloperProviderName: "login.shop" });
await send(SetIdentityPoolRolesCommand, { IdentityPoolId: pool, Roles: { unauthenticated: of("role", "poolhouse-dev-guest") } });
const { IdentityId: identity } = await send(GetIdCommand, { IdentityPoolId: pool });
await send(GetIdCommand, { IdentityPoolId: pool, Logins: { "accounts.google.com": "no.token.here" } }).catch(() => undefined);

const route = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");

// One page of each kind: its route, the call that its main part needs and the permission for that, the words for the
// part, and a text that is there when it has come.
const kinds = {
  list: { at: route("pools"), call: "ListPoolSummaries", what: "The list of pools", there: "1 to 1 of 1" },
  detail: { at: route("identities", identity), call: "LookupIdentity", what: "The identity", there: "Since when" },
  form: { at: route("pools", pool, "roles"), call: "GetIdentityPoolRoles", what: "The roles of the pool", there: "Default roles" },
  live: { at: route("explain"), call: "ListRefusals", what: "The list of refusals", there: "1 refusal, newest first" },
  chart: { at: route("overview"), call: "GetStatistics", what: "The statistics", there: "Sign-ins per hour" },
};

// stage opens the console with a key, and with calls and waits in the test's hand.
async function stage(t, view, { key, endpoint = ENDPOINT } = {}) {
  const name = Object.keys(views).find((one) => views[one] === view);
  let calls;
  const shown = await open(endpoint, view, async (page) => {
    calls = await answers(page, endpoint);
  });
  t.after(shown.close);
  await (key ? signInWith(shown.page, key) : signIn(shown.page));

  const { page } = shown;
  return {
    ...shown, calls,
    go: (to) => page.evaluate((at) => { location.hash = at; }, to),
    text: (words) => page.locator("main").getByText(words).first(),
    press: (button) => page.getByRole("button", { name: button }).first().click(),
    looked: async (state) => {
      await picture(page, `states-${state}-${name}`);
      assert.deepEqual(await faultsOf(shown), []);
    },
  };
}

// stopClock makes the page's time stand still, so that the test can move it.
async function stopClock(page) {
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
}

for (const [name, view] of Object.entries(views)) {
  for (const [kind, { at, call, what, there }] of Object.entries(kinds)) {
    test(`${kind}, waiting, ${name}`, async (t) => {
      const { page, calls, go, text, press, looked } = await stage(t, view);
      const bars = page.locator('main [aria-busy="true"]');
      await visit(page, route("key"));
      await stopClock(page);
      await endless(page);
      calls.set("hold", call);
      await go(at);
      await calls.holds(call);

      await page.clock.runFor(120);
      assert.equal(await bars.count(), 0, "bars within 150 ms");
      await page.clock.runFor(100);
      await bars.first().waitFor();
      await page.clock.runFor(4500);
      assert.equal(await page.getByText("Still waiting").count(), 0, "a way out within 5 s");
      await page.clock.runFor(500);
      await page.getByText("Still waiting for the server.").first().waitFor();
      await page.clock.resume();
      await looked(`${kind}-waiting`);

      await press("Cancel");
      await text(`${what} did not arrive. You cancelled the wait.`).waitFor();
      assert.equal(await bars.count(), 0, "bars after the wait was cancelled");
      await calls.free();
      await press("Try again");
      await text(there).waitFor();
    });

    test(`${kind}, failing, ${name}`, async (t) => {
      const { page, calls, go, text, press, looked } = await stage(t, view);
      await visit(page, route("key"));

      await stopClock(page);
      calls.set("hold", call);
      await go(at);
      await calls.holds(call);
      await page.clock.runFor(kind === "live" ? 25_100 : 5100);
      await page.clock.resume();
      if (kind === "live") await text(/^Not live since \d\d:\d\d:\d\d\. Trying again in \d+ s\. Now$/).waitFor();
      else await text(`${what} did not arrive. The server did not answer within 5 seconds.`).waitFor();
      await looked(`${kind}-silent`);

      calls.set("gone", call);
      await press(kind === "live" ? "Now" : "Try again");
      if (kind === "live") await text(/Trying again in [1-4] s/).waitFor();
      else await text(`${what} did not arrive. The server cannot be reached.`).waitFor();
      await looked(`${kind}-gone`);

      calls.set("broken", call);
      await press(kind === "live" ? "Now" : "Try again");
      if (kind === "live") await text(/Trying again in [1-8] s/).waitFor();
      else await text(`${what} did not arrive. The service had an internal error.`).waitFor();
      await looked(`${kind}-broken`);

      await calls.free();
      await press(kind === "live" ? "Now" : "Try again");
      await text(there).waitFor();
      assert.equal(await page.getByRole("alert").count(), 0, "the failure stays after the answer came");
    });
  }
}
