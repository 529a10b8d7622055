// A server with one pool, and the pages of the console that show it, one of each kind; calls of these pages wait and
// fail as a test wants.
import assert from "node:assert/strict";

import { CreateIdentityPoolCommand, GetIdCommand, SetIdentityPoolRolesCommand } from "@aws-sdk/client-cognito-identity";

import { answers } from "./console-answers.mjs";
import { arn, dev, ENDPOINT, send } from "./console-clients.mjs";
import { faultsOf, open, picture, signIn, signInWith, views } from "./console.mjs";

await dev("reset", { empty: true });
export const { IdentityPoolId: pool } = await send(CreateIdentityPoolCommand, {
  IdentityPoolName: "shop", AllowUnauthenticatedIdentities: true, AllowClassicFlow: false, DeveloperProviderName: "login.shop" });
await send(SetIdentityPoolRolesCommand, { IdentityPoolId: pool, Roles: { unauthenticated: arn("role", "poolhouse-dev-guest") } });
export const { IdentityId: identity } = await send(GetIdCommand, { IdentityPoolId: pool });
await send(GetIdCommand, { IdentityPoolId: pool, Logins: { "accounts.google.com": "no.token.here" } }).catch(() => undefined);

export const route = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");

// One page of each kind: its route, the call that its main part needs, the words for the part, and a text that is there
// when it has come.
export const kinds = {
  list: { at: route("pools"), call: "ListPoolSummaries", what: "The list of pools", there: "1 to 1 of 1" },
  detail: { at: route("identities", identity), call: "LookupIdentity", what: "The identity", there: "Since when" },
  form: { at: route("pools", pool, "roles"), call: "GetIdentityPoolRoles", what: "The roles of the pool", there: "Default roles" },
  live: { at: route("explain"), call: "ListRefusals", what: "The list of refusals", there: "1 refusal, newest first" },
  chart: { at: route("overview"), call: "GetStatistics", what: "The statistics", there: "Sign-ins per hour" },
};

// sides returns the views that a state is shown in, with their names: wide and narrow in turn, and both with
// EVERY_VIEW=1, as the extended tests have it.
let turn = 0;
export function sides() {
  const all = Object.entries(views);
  return process.env.EVERY_VIEW === "1" ? all : [all[turn++ % all.length]];
}

// stage opens the console with a key, and with calls and waits in the test's hand.
export async function stage(t, view, { key, endpoint = ENDPOINT } = {}) {
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
export async function stopClock(page) {
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
}
