// The try-out of a pool's page against what the server decides: drafts and claims are generated, the page shows the role
// of the draft before it is saved, and the credentials that the same claims give after the save must be of that role.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand, SetIdentityPoolRolesCommand } from "@aws-sdk/client-cognito-identity";

import { iam, info, roleARN, roleOf, send, tokenFor } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, signIn, visit } from "./console.mjs";

const { endpoint: ENDPOINT, oidc_provider_arn: DEV, login_key: KEY } = info;
const CASES = 24;

after(() => browser.close());

// Numbers that look random and are the same in each run.
let state = 20261126;
function below(n) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}
const any = (list) => list[below(list.length)];
const maybe = (percent) => below(100) < percent;

// What claims have, and what rules compare them with: values that are equal, begin alike, differ in case or in kind.
const values = ["pro", "Pro", "pro plus", "plus", "1", "10", "true", "Zoë", "=1+1", "<b>x</b>"];
const names = ["plan", "groups", "level", "admin", "custom:team"];

function claims() {
  const made = {};
  for (const name of names) {
    if (maybe(30)) continue;
    made[name] = any([() => any(values), () => below(12), () => maybe(50), () => [any(values), any(values)], () => [],
      () => ({ plan: "pro" })])();
  }
  return made;
}

const types = ["Equals", "Contains", "StartsWith", "NotEqual"];
const rule = (n) => ({ Claim: any(names), MatchType: any(types), Value: any(values), RoleARN: roleARN(`Rule${n + 1}`) });

function draft(n) {
  const otherwise = any(["Deny", "AuthenticatedRole"]);
  if (n % 6 === 5) {
    const roles = ["Token1", "Token2", "Token3"].slice(0, 1 + below(3)).map((name) => roleARN(name));
    const more = maybe(80) ? { "cognito:roles": roles } : {};
    return { type: "Token", otherwise, rules: [], claims: { ...claims(), ...more, ...(maybe(50) ? { "cognito:preferred_role": any(roles) } : {}) } };
  }
  if (n % 12 === 4) return { type: "Default", otherwise, rules: [], claims: claims() };
  return { type: "Rules", otherwise, rules: Array.from({ length: 1 + below(5) }, (_, at) => rule(at)), claims: claims() };
}

// Rule1 is a role that trusts another pool: whoever gets it by a rule is refused.
async function distrust(RoleName) {
  await iam.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [{
    Effect: "Allow", Principal: { Federated: "cognito-identity.amazonaws.com" }, Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: { "cognito-identity.amazonaws.com:aud": "us-east-1:00000000-0000-4000-8000-000000000000" } } }] }) }).promise();
}

// enter writes a draft and claims into the page, as an administrator does.
async function enter(page, { type, otherwise, rules, claims }) {
  const label = { Token: "Role in the token", Rules: "Rules", Default: "Default role" }[type];
  await page.getByRole("radio", { name: label, exact: true }).check();
  for (const [n, one] of rules.entries()) {
    await page.getByRole("button", { name: "Add rule" }).click();
    await page.getByLabel(`Claim of rule ${n + 1}`).fill(one.Claim);
    await page.getByLabel(`Comparison of rule ${n + 1}`).selectOption(one.MatchType);
    await page.getByLabel(`Value of rule ${n + 1}`).fill(one.Value);
    await page.getByLabel(`Role of rule ${n + 1}`).fill(one.RoleARN);
  }
  if (type !== "Default") await page.getByLabel(/^If (no rule matches|the token names)/).selectOption(otherwise);

  const asked = JSON.stringify(claims);
  const answered = page.waitForResponse((answer) => {
    if (answer.request().headers()["x-amz-target"] !== "PoolhouseAdmin.TryRoles") return false;
    const input = answer.request().postDataJSON();
    const sent = input.RoleMappings?.[DEV];
    return JSON.stringify(input.Claims) === asked && (sent?.RulesConfiguration?.Rules.length ?? 0) === rules.length
      && (type === "Default" || sent.AmbiguousRoleResolution === otherwise);
  });
  await page.getByLabel("Claims or a token").fill(asked);
  await answered;
  await page.locator('section:has(h2:text-is("Try it")) [aria-live][aria-busy="false"]').waitFor();
}

// shown reads what the page says of the draft.
function shown(page) {
  return page.locator('section:has(h2:text-is("Try it"))').evaluate((part) => {
    const text = (one) => one?.innerText.replace(/\s+/g, " ").trim() ?? "";
    return {
      role: text(part.querySelector(".note.ok bdi")).split("/").at(-1),
      by: Number(/by rule (\d+)/.exec(text(part.querySelector(".note.ok")))?.[1] ?? 0),
      refused: text(part.querySelector(".note.bad bdi")),
      marks: [...part.querySelectorAll("ol.rules strong")].map(text),
      rows: [...document.querySelectorAll('ol[aria-label="Rules"] > li')].map((row) => [text(row.querySelector(".tag")), row.className.includes("matched")]),
      tag: text(part.querySelector(".tag")),
    };
  });
}

// decided is what the server decides: a role, or the message of the refusal.
function decided(IdentityPoolId, token) {
  return roleOf(IdentityPoolId, { [KEY]: token }).then((role) => ({ role, refused: "" }), (error) => {
    assert.ok(error.$metadata?.requestId, `no answer: ${error}`);
    return { role: "", refused: error.message };
  });
}

test("the try-out of a draft shows what the server decides after the save", async (t) => {
  await distrust("Rule1");
  const { page, reports, view, close } = await open(ENDPOINT);
  await signIn(page);
  const seen = { refused: 0, byRule: 0, byDefault: 0, byToken: 0 };

  for (let n = 0; n < CASES; n++) {
    const one = draft(n);
    await t.test(`${n}: ${one.type}, ${one.rules.length} rules`, async () => {
      const { IdentityPoolId } = await send(CreateIdentityPoolCommand, {
        IdentityPoolName: `draft ${n}`, AllowUnauthenticatedIdentities: false, AllowClassicFlow: false, OpenIdConnectProviderARNs: [DEV] });
      await send(SetIdentityPoolRolesCommand, { IdentityPoolId, Roles: { authenticated: roleARN("User") } });
      await visit(page, `#/pools/${encodeURIComponent(IdentityPoolId)}/roles`);
      await enter(page, one);
      const before = await shown(page);
      if (n === 0) await picture(page, "tryout");
      if (n === 0) assert.deepEqual(await faultsOf({ page, reports, view }), []);
      if (one.type !== "Default") {
        assert.match(before.tag, /with unsaved changes/);
        await page.getByRole("button", { name: "Save rules" }).click();
        await page.getByRole("status").filter({ hasText: "Saved." }).waitFor();
      }

      const token = await tokenFor(`user-${n}`, { claims: one.claims });
      const real = await decided(IdentityPoolId, token);
      assert.deepEqual({ role: before.role, refused: before.refused }, real, JSON.stringify(one));

      // Each rule has a role of its own, so the role tells which rule matched.
      const by = Number(/^Rule(\d)$/.exec(real.role)?.[1] ?? 0);
      assert.equal(before.by, by);
      const at = by > 0 ? by - 1 : before.marks.indexOf("matches");
      if (by === 0 && at >= 0) assert.equal(one.rules[at].RoleARN, roleARN("Rule1"), "a rule matched that the server did not take");
      const marks = one.rules.map((_, n) => n === at ? "matches" : at >= 0 && n > at ? "not looked at" : "no match");
      assert.deepEqual(before.marks, marks);
      assert.deepEqual(before.rows, marks.map((mark) => [mark, mark === "matches"]));

      seen[real.refused ? "refused" : by ? "byRule" : real.role.startsWith("Token") ? "byToken" : "byDefault"]++;
    });
  }

  await t.test("the cases have every outcome", () => {
    for (const [outcome, count] of Object.entries(seen)) assert.ok(count > 0, `${outcome}: ${JSON.stringify(seen)}`);
  });
  await close();
});

// The comparison above must find a page that shows something else.
test("a try-out that shows another role is found", async () => {
  const { page, close } = await open(ENDPOINT);
  await signIn(page);
  const { IdentityPoolId } = await send(CreateIdentityPoolCommand, {
    IdentityPoolName: "planted", AllowUnauthenticatedIdentities: false, AllowClassicFlow: false, OpenIdConnectProviderARNs: [DEV] });
  await send(SetIdentityPoolRolesCommand, { IdentityPoolId, Roles: { authenticated: roleARN("User") } });
  await page.route("**/*", async (route) => {
    if (route.request().headers()["x-amz-target"] !== "PoolhouseAdmin.TryRoles") return route.fallback();
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...await answer.json(), RoleArn: roleARN("Planted") } });
  });
  await visit(page, `#/pools/${encodeURIComponent(IdentityPoolId)}/roles`);
  await enter(page, { type: "Default", otherwise: "Deny", rules: [], claims: { plan: "pro" } });
  const { role, refused } = await shown(page);
  assert.equal(role, "Planted");
  assert.notDeepEqual({ role, refused }, await decided(IdentityPoolId, await tokenFor("ann", { claims: { plan: "pro" } })));
  await close();
});
