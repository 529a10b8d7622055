// Addresses of the console that somebody sends to an administrator: whatever stands in them is shown as text, and changes
// nothing.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand } from "@aws-sdk/client-cognito-identity";

import { info, send } from "./console-clients.mjs";
import { faultsIn, hostile, narrowFaults, route, watched } from "./console-texts.mjs";
import { browser, picture, signIn, views, visit } from "./console.mjs";

after(() => browser.close());

const { IdentityPoolId: shop } = await send(CreateIdentityPoolCommand, {
  IdentityPoolName: "shop", AllowUnauthenticatedIdentities: true, AllowClassicFlow: false, OpenIdConnectProviderARNs: [info.oidc_provider_arn] });

const long = "A".repeat(5000);
const injected = {
  "no page": "#/<img src=x onerror=alert(1)>", "no page, encoded": route(hostile.markup), "no page, cut escapes": "#/pools/%E0%A4%A",
  "prototype": "#/__proto__", "constructor": "#/constructor/prototype", "toString of a pool": "#/pools/x/toString",
  "tab that every object has": route("pools", shop, "constructor"), "list that every object has": "#/access/__proto__/constructor",
  "no pool": route("pools", hostile.markup, "overview"), "bidi pool": route("pools", hostile.bidi), "long pool": route("pools", long, "roles"),
  "no identity": route("identities", hostile.markup), "no refusal": route("explain", hostile.markup), "bidi refusal": route("explain", hostile.bidi),
  "request ID of a prototype": "#/explain/__proto__", "long request ID": route("explain", long),
  "no role": route("access", "roles", hostile.markup), "bidi role": route("access", "roles", hostile.bidi), "no provider": route("access", "oidc", hostile["script address"]), "no SAML": route("access", "saml", hostile.attribute),
  "no key": route("access", "keys", hostile.markup), "no step": route("pools", "new", hostile.markup), "no part of the server": route("server", hostile.bidi),
  "filters": `#/explain?${new URLSearchParams({ pool: hostile.bidi, reason: "__proto__", operation: hostile.markup, provider: hostile["script address"], key: hostile.bidi })}`,
  "long filters": `#/explain?${new URLSearchParams({ pool: long, reason: long, operation: long, provider: long, key: long })}`,
  "overview's period": "#/overview?days=<script>&period=__proto__", "search for a pool": `#/pools?${new URLSearchParams({ search: hostile.bidi, q: hostile.markup })}`,
  "search for an identity": `#/identities?${new URLSearchParams({ pool: hostile.bidi, provider: hostile.markup, subject: hostile.bidi })}`,
  "playground's pool": `#/play?${new URLSearchParams({ pool: hostile.markup })}`,
};
const fields = { providers: ["OpenIdConnectProviderARNs", "SamlProviderARNs", "SupportedLoginProviders", "CognitoIdentityProviders", "DeveloperProviderName"],
  roles: ["Roles", "RoleMappings"], tags: ["PrincipalTags"], settings: ["AllowClassicFlow", "AllowUnauthenticatedIdentities", "IdentityPoolTags"], overview: ["__proto__", "constructor"] };
const adds = { markup: hostile.markup, bidi: hostile.bidi, long, address: hostile["script address"] };
for (const [tab, names] of Object.entries(fields)) {
  for (const [n, field] of names.entries()) {
    // The fields of a tab take a value in one place, so one of them has every kind.
    for (const [kind, add] of Object.entries(n === 0 ? adds : { markup: hostile.markup }))
      injected[`${field} of a pool, ${kind}`] = `${route("pools", shop, tab)}?${new URLSearchParams({ field, add })}`;
  }
}
for (const [path, field, kind] of [["roles", "RoleName", "markup"], ["oidc", "Url", "long"], ["saml", "Name", "bidi"]])
  injected[`${field} of a new one, ${kind}`] = `#/access/${path}?${new URLSearchParams({ field, add: adds[kind] })}`;

test("hostile texts in addresses are shown as text, and change nothing", async (t) => {
  const shown = await watched(views.narrow);
  const { page } = shown;
  await signIn(page);
  const writes = [];
  page.on("request", (request) => {
    const called = request.headers()["x-amz-target"]?.split(".")[1] ?? new URLSearchParams(request.postData() ?? "").get("Action") ?? "";
    if (/^(Create|Update|Delete|Put|Set|Add|Remove|Attach|Detach|Tag|Untag|Revoke|Rotate|Retire|Sign|Unlink|Merge)/.test(called)) writes.push(called);
  });

  for (const [title, to] of Object.entries(injected)) {
    await t.test(title, async () => {
      await visit(page, to);
      assert.notEqual((await page.locator("main h1").first().innerText()).trim(), "");
      if (/markup|filters|^no |long/.test(title)) await picture(page, `injected-${title}`);
      assert.deepEqual(await (/ of a pool, markup/.test(title) ? faultsIn : narrowFaults)(shown), []);
      // A field has no more than somebody could type, and nothing that it cannot show.
      const fields = await page.locator(":is(input, textarea)").evaluateAll((all) => all.map((one) => [one.value, one.maxLength]));
      for (const [value, most] of fields) {
        assert.ok(most < 0 || value.length <= most, `a field of ${most} characters has ${value.length}`);
        assert.doesNotMatch(value, /[\u200b-\u200f\u202a-\u202e\u2066-\u2069]/);
      }
      await page.keyboard.press("Escape");
      if (await page.getByRole("dialog").count() > 0) await page.reload().then(() => signIn(page));
    });
  }
  assert.deepEqual(writes, []);
  await shown.close();
});
