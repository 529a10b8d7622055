// Every confirmation of the console: what has the focus first, that nothing happens before a name is typed, and that
// Escape closes it and gives the focus back.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import {
  GetIdCommand, GetOpenIdTokenForDeveloperIdentityCommand, UpdateIdentityPoolCommand,
} from "@aws-sdk/client-cognito-identity";

import { ACCOUNT, admin, arn, iam, info, metadata, send, tokenFor } from "./console-clients.mjs";
import { browser, settled, views, visit } from "./console.mjs";
import { identity, pool, route, sides, stage } from "./console-shop.mjs";

after(() => browser.close());

// What the confirmations are about.
await iam.createRole({ RoleName: "Clerk", AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [{
  Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "sts:AssumeRole" }] }) }).promise();
await iam.putRolePolicy({ RoleName: "Clerk", PolicyName: "read", PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [{
  Effect: "Allow", Action: "s3:Get*", Resource: "*" }] }) }).promise();
const { OpenIDConnectProviderArn: oidc } = await iam.createOpenIDConnectProvider({
  Url: "https://issuer.example", ClientIDList: ["app-one", "app-two"], ThumbprintList: ["a".repeat(40)] }).promise();
const { SAMLProviderArn: saml } = await iam.createSAMLProvider({ Name: "corp", SAMLMetadataDocument: await metadata("https://idp.example") }).promise();
const { AccessKey: { AccessKeyId: key } } = await admin("CreateAccessKey", { Policy: JSON.stringify({ Version: "2012-10-17", Statement: [{
  Effect: "Allow", Action: "sts:GetCallerIdentity", Resource: "*" }] }) });
await send(UpdateIdentityPoolCommand, {
  IdentityPoolId: pool, IdentityPoolName: "shop", AllowUnauthenticatedIdentities: true, AllowClassicFlow: false,
  DeveloperProviderName: "login.shop", OpenIdConnectProviderARNs: [info.oidc_provider_arn] });
const { IdentityId: backed } = await send(GetOpenIdTokenForDeveloperIdentityCommand, { IdentityPoolId: pool, Logins: { "login.shop": "ann" } });
const { IdentityId: signedIn } = await send(GetIdCommand, { IdentityPoolId: pool, Logins: { [info.login_key]: await tokenFor("bob") } });

const press = (name) => (page) => page.getByRole("button", { name }).first().click();

// title of the dialog, page, what opens it, the name to type, and the button that does it.
const confirmations = [
  ["Delete the pool shop?", route("pools", pool, "overview"), press("Delete the pool…"), "shop", /^Delete \d+ identities$/],
  ["Stop guest access?", route("pools", pool, "settings"), async (page) => {
    await page.getByLabel("Allow guests").uncheck();
    await press("Save settings")(page);
  }, undefined, "Stop guest access"],
  [/^Remove .*dev-issuer from shop\?$/, route("pools", pool, "providers"), press(/^Remove/), undefined, "Remove the provider"],
  ["Delete 1 identity?", route("identities", identity), press("Delete the identity…"), undefined, "Delete 1 identity"],
  ["End all credentials issued until now?", route("identities", identity), press("End credentials…"), undefined, "End credentials"],
  ["Unlink login.shop from this identity?", route("identities", backed), press("Unlink…"), undefined, "Unlink the login"],
  [/^Sign out bob at .*dev-issuer\?$/, route("identities", signedIn), press("Sign out…"), undefined, "Sign out"],
  ["Delete the role Clerk?", route("access", "roles", "Clerk"), press("Delete the role…"), "Clerk", "Delete the role and 1 policy"],
  ["Delete the policy read?", route("access", "roles", "Clerk"), async (page) => {
    const fold = page.locator("details:has-text('read') summary").first();
    if (!await page.getByRole("button", { name: "Delete the policy…" }).isVisible()) await fold.click();
    await press("Delete the policy…")(page);
  }, undefined, "Delete the policy"],
  ["Delete the provider issuer.example?", route("access", "oidc", oidc), press("Delete the provider…"), "issuer.example", "Delete the provider"],
  ["Remove the client ID app-one?", route("access", "oidc", oidc), press("Remove the client ID app-one"), undefined, "Remove the client ID"],
  ["Delete the provider corp?", route("access", "saml", saml), press("Delete the provider…"), "corp", "Delete the provider"],
  [`Disable the access key ${key}?`, route("access", "keys"), press("Disable the key…"), undefined, "Disable the key"],
  [`Delete the access key ${key}?`, route("access", "keys"), press("Delete the key…"), key, "Delete the key"],
  ["Make new signing keys?", route("server", "keys"), press(/^Make new signing keys/), undefined, /^Make .*new signing keys?$/],
  [/^Retire the signing key .*\?$/, route("server", "keys"), press("Retire the key…"), "", "Retire the key and its tokens"],
];

const shown = confirmations.map((one) => [one, sides().map(([name]) => name)]);

for (const [name, view] of Object.entries(views)) {
  test(`confirmations, ${name}`, async (t) => {
    const { page, looked } = await stage(t, view);
    for (const [title, at, open, typed, act] of shown.filter(([, names]) => names.includes(name)).map(([one]) => one)) {
      await t.test(String(title), async () => {
        await visit(page, at);
        await open(page);
        const dialog = page.getByRole("dialog", { name: title });
        await dialog.waitFor();
        await settled(page);
        const word = typed === "" ? /Retire the signing key (.*)\?/.exec(await dialog.getByRole("heading").innerText())[1] : typed;

        // The field to type in has the focus, else the safe button, which is the first.
        const first = await page.evaluate(() => document.activeElement.matches("dialog input:not([type=checkbox])") ? "field" : document.activeElement.value);
        assert.equal(first, word === undefined ? "safe" : "field");
        const button = dialog.getByRole("button", { name: act, exact: true });
        assert.equal(await button.getAttribute("aria-disabled"), String(word !== undefined));
        await looked(`dialog-${String(title).replace(/[A-Z0-9]{16,}|[0-9a-f-]{36}/g, "")}`);

        if (word !== undefined) {
          await page.keyboard.press("Enter"); // nothing is typed: nothing happens
          await dialog.getByRole("textbox").fill(`${word} `);
          await page.keyboard.press("Enter");
          assert.ok(await dialog.isVisible() && await button.getAttribute("aria-disabled") === "true", "a wrong name is enough");
          await dialog.getByRole("textbox").fill(word);
          assert.equal(await button.getAttribute("aria-disabled"), "false");
        }

        await page.keyboard.press("Escape");
        await dialog.waitFor({ state: "hidden" });
        const back = await page.evaluate(() => document.activeElement.matches("main button, main summary") && document.activeElement.innerText);
        assert.ok(back !== false, `the focus is at ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 120))}`);
        if (await page.getByRole("button", { name: "Discard changes" }).count()) await press("Discard changes")(page);
      });
    }
  });
}
