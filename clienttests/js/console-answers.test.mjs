// What the server does not let others choose today, such as the names of engines, a server of another version may: every
// text of its answers is made hostile on the way, and the console shows it as text.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand, GetIdCommand, SetIdentityPoolRolesCommand } from "@aws-sdk/client-cognito-identity";

import { arn, info, send } from "./console-clients.mjs";
import { faultsIn, hostile, narrowFaults, route, watched } from "./console-texts.mjs";
import { browser, picture, settled, signIn, views, visit } from "./console.mjs";

after(() => browser.close());

const { IdentityPoolId: shop } = await send(CreateIdentityPoolCommand, {
  IdentityPoolName: "shop", AllowUnauthenticatedIdentities: true, AllowClassicFlow: false, OpenIdConnectProviderARNs: [info.oidc_provider_arn],
  SupportedLoginProviders: { "accounts.google.com": "app" }, DeveloperProviderName: "backend.example", IdentityPoolTags: { env: "test" } });
await send(SetIdentityPoolRolesCommand, { IdentityPoolId: shop, Roles: { authenticated: arn("role", "User") }, RoleMappings: {
  [info.oidc_provider_arn]: { Type: "Rules", AmbiguousRoleResolution: "Deny", RulesConfiguration: { Rules: [
    { Claim: "plan", MatchType: "Equals", Value: "pro", RoleARN: arn("role", "Pro") }] } } } });
const { IdentityId: identity } = await send(GetIdCommand, { IdentityPoolId: shop });
const refusal = await send(GetIdCommand, { IdentityPoolId: shop, Logins: { [info.login_key]: "none" } }).catch((error) => error.$metadata.requestId);

const routes = {
  overview: route("overview"), pools: route("pools"),
  ...Object.fromEntries(["overview", "providers", "roles", "tags", "identities", "code", "settings"].map((tab) => [`pool, ${tab}`, route("pools", shop, tab)])),
  identities: route("identities"), identity: route("identities", identity), explain: route("explain"), "a refusal": route("explain", refusal),
  playground: route("play"), engines: route("access", "engines"), keys: route("access", "keys"), server: route("server"), settings: route("server", "settings"),
  "a missing pool": route("pools", "us-east-1:00000000-0000-4000-8000-00000000dead", "overview"),
};

test("hostile texts in every member of the server's answers are shown as text", async (t) => {
  const kept = /^(Kind|Type|Status|State|Source|Next|NextToken|MatchType|AmbiguousRoleResolution|Field|Code|\w*Id|Id|\w*Arns?|Arn)$/;
  const dirty = hostile.markup + hostile.bidi + hostile["script address"] + hostile.long;
  const poison = (value, name = "") => {
    if (typeof value === "string") return kept.test(name) || /^(arn:|us-east-1|[A-Z]{20}$)/.test(value) ? value : value + dirty;
    if (Array.isArray(value)) return value.slice(0, 20).map((one) => poison(one, name));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, of]) => [name === "Refused" || name === "Latency" ? key + dirty : key, poison(of, key)]));
  };

  for (const [name, view] of Object.entries(views)) {
    const shown = await watched(view);
    await signIn(shown.page);
    let poisoned = 0;
    let open = 0;
    await shown.page.route("**/*", async (route) => {
      if (!/^(PoolhouseAdmin|AWSCognitoIdentityService)\./.test(route.request().headers()["x-amz-target"] ?? "")) return route.fallback();
      const listening = route.request().postDataJSON()?.WaitSeconds > 0;
      if (!listening) open++;
      const answer = await route.fetch().catch(() => null);
      if (!listening) open--;
      if (!answer) return route.abort();
      poisoned++;
      const json = await answer.json();
      if (/ListCredentialEngines|GetServerStatus/.test(route.request().headers()["x-amz-target"])) {
        json.Engines = [{ Name: "engine", Kind: "builtin", Healthy: false, LastError: "error" }];
      }
      await route.fulfill({ response: answer, json: poison(json) }).catch(() => undefined);
    });
    for (const [title, to] of Object.entries(routes)) {
      if (view === views.wide && !/^(overview|pools|identity|a refusal|server|pool, (providers|roles|tags))$/.test(title)) continue;
      await t.test(`${title}, ${name}`, async () => {
        await visit(shown.page, to);
        while (open > 0) await settled(shown.page);
        await picture(shown.page, `poisoned-${name}-${title}`);
        assert.deepEqual(await (view === views.narrow ? faultsIn : narrowFaults)(shown), []);
      });
    }
    assert.ok(poisoned > 10, `${poisoned} answers`);
    await shown.close();
  }
});

// The checks above must find a page that does it wrongly.
const planted = {
  "a hidden character": [/hidden character: P/, () => document.querySelector("main").append(Object.assign(document.createElement("p"), { textContent: "a\u202Eb" }))],
  "a hidden character in a label": [/hidden character: H1 aria-label/, () => document.querySelector("main h1").setAttribute("aria-label", "a\u200Bb")],
  "a hidden character in a field": [/hidden character: INPUT value/, () => document.querySelector("main").append(Object.assign(document.createElement("input"), { value: "a\u202Eb" }))],
  "a hidden character in the title": [/hidden character: title/, () => { document.title = "a\u2066b"; }],
  "a link that is a script": [/link: javascript:/, () => document.querySelector("main").append(Object.assign(document.createElement("a"), { href: "javascript:alert(1)", textContent: "go" }))],
  "a link without encryption": [/link: http:/, () => document.querySelector("main").append(Object.assign(document.createElement("a"), { href: "http://elsewhere.example/", textContent: "go" }))],
  "a script that ran": [/script: planted/, () => { window.ran = "planted"; }],
  "a dialog": [/script: dialog/, () => { alert("planted"); }],
  "a frame": [/element: IFRAME/, () => document.querySelector("main").append(document.createElement("iframe"))],
  "a long word that does not break": [/overflow/, () => { const p = document.createElement("p"); p.textContent = "W".repeat(300); p.style.overflowWrap = "normal"; p.style.whiteSpace = "nowrap"; document.querySelector("main").append(p); }],
};
test("planted faults are found", async (t) => {
  for (const [name, [expected, plant]] of Object.entries(planted)) {
    await t.test(name, async () => {
      const shown = await watched(views.narrow);
      await settled(shown.page);
      await shown.page.evaluate(plant);
      const faults = await narrowFaults(shown);
      assert.ok(faults.some((fault) => expected.test(fault)), `not found; found: ${faults.join("\n")}`);
      await shown.close();
    });
  }
});
