// The forms of a pool's page: a save changes what it shows and nothing else, somebody else's change is asked about, and
// a draft is not lost.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import {
  CreateIdentityPoolCommand, DescribeIdentityPoolCommand, GetIdCommand, GetIdentityPoolRolesCommand,
  ListIdentityPoolsCommand, SetIdentityPoolRolesCommand, SetPrincipalTagAttributeMapCommand, UpdateIdentityPoolCommand,
} from "@aws-sdk/client-cognito-identity";

import { admin, iam, info, metadata, roleARN, send, tokenFor, trustOf } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, views, visit } from "./console.mjs";

const { endpoint: ENDPOINT, oidc_provider_arn: DEV, login_key: KEY } = info;
const X = "api.twitter.com";
const secret = "xSecretThatIsNeverShown";
const USER_POOL = "cognito-idp.us-east-1.amazonaws.com/us-east-1_shop";

after(() => browser.close());

const press = async (page, name) => { await page.getByRole("button", { name, exact: true }).click(); await settled(page); };
const field = (page, label) => page.getByLabel(label, { exact: true });
const saved = (page) => page.getByRole("status").filter({ hasText: "Saved." }).waitFor();
const route = (id, tab) => `#/pools/${encodeURIComponent(id)}/${tab}`;

async function signedIn(t, view = views.wide) {
  const shown = await open(ENDPOINT, view);
  t.after(shown.close);
  await signIn(shown.page);
  return shown;
}

let corp;
async function samlProvider() {
  corp ??= iam.createSAMLProvider({ Name: "corp", SAMLMetadataDocument: await metadata("https://idp.example") }).promise();
  return (await corp).SAMLProviderArn;
}

// makeFull makes a pool in which every field is set.
async function makeFull(name, AllowClassicFlow) {
  const { IdentityPoolId } = await send(CreateIdentityPoolCommand, {
    IdentityPoolName: name,
    AllowUnauthenticatedIdentities: true,
    AllowClassicFlow,
    SupportedLoginProviders: { [X]: `xKey;${secret}`, "accounts.google.com": "shop.apps.googleusercontent.com" },
    DeveloperProviderName: "login.shop.example",
    OpenIdConnectProviderARNs: [DEV],
    CognitoIdentityProviders: [
      { ProviderName: USER_POOL, ClientId: "webapp1", ServerSideTokenCheck: true },
      { ProviderName: USER_POOL, ClientId: "webapp2", ServerSideTokenCheck: false }],
    SamlProviderARNs: [await samlProvider()],
    IdentityPoolTags: { env: "prod", "cost center": "=1+1:@/" },
  });
  await send(SetIdentityPoolRolesCommand, { IdentityPoolId,
    Roles: { authenticated: roleARN("User"), unauthenticated: roleARN("Guest") },
    RoleMappings: {
      [DEV]: { Type: "Rules", AmbiguousRoleResolution: "Deny", RulesConfiguration: { Rules: [
        { Claim: "plan", MatchType: "Equals", Value: "pro", RoleARN: roleARN("Pro") }] } },
      [`${USER_POOL}:webapp1`]: { Type: "Token", AmbiguousRoleResolution: "AuthenticatedRole" } } });
  await send(SetPrincipalTagAttributeMapCommand, { IdentityPoolId, IdentityProviderName: DEV, PrincipalTags: { team: "team" } });
  await send(SetPrincipalTagAttributeMapCommand, { IdentityPoolId, IdentityProviderName: USER_POOL, UseDefaults: true });
  return IdentityPoolId;
}

// whole is all that programs can read of a pool.
async function whole(id) {
  const { $metadata, ...pool } = await send(DescribeIdentityPoolCommand, { IdentityPoolId: id });
  const { Roles, RoleMappings } = await send(GetIdentityPoolRolesCommand, { IdentityPoolId: id });
  const { PrincipalTagMaps } = await admin("ListPrincipalTagMaps", { IdentityPoolId: id });
  return { ...pool, Roles, RoleMappings, PrincipalTagMaps };
}

// Each form of the page: what somebody does, and what must be different afterwards.
const forms = [
  ["name", "settings", async (page) => {
    await field(page, "Name").fill("renamed");
    await press(page, "Save settings");
  }, (pool) => { pool.IdentityPoolName = "renamed"; }],
  ["resource tags", "settings", async (page) => {
    await press(page, "Add tag");
    await field(page, "Key of tag 3").fill("owner");
    await field(page, "Value of tag 3").fill("ann");
    await press(page, "Remove tag 1");
    await press(page, "Save settings");
  }, (pool, before) => {
    const [gone] = Object.keys(before.IdentityPoolTags);
    delete pool.IdentityPoolTags[gone];
    pool.IdentityPoolTags.owner = "ann";
  }],
  ["classic flow", "settings", async (page, before) => {
    await field(page, "Allow the classic flow").setChecked(before.AllowClassicFlow === false);
    await press(page, "Save settings");
  }, (pool, before) => { pool.AllowClassicFlow = before.AllowClassicFlow === false; }],
  ["another app ID", "providers", async (page) => {
    await press(page, "Change accounts.google.com");
    await field(page, "App ID").fill("other.apps.googleusercontent.com");
    await press(page, "Save the provider");
  }, (pool) => { pool.SupportedLoginProviders["accounts.google.com"] = "other.apps.googleusercontent.com"; }],
  ["X's key, not its secret", "providers", async (page) => {
    await press(page, `Change ${X}`);
    await field(page, "Consumer key").fill("newKey");
    await press(page, "Save the provider");
  }, (pool) => { pool.SupportedLoginProviders[X] = `newKey;${secret}`; }],
  ["how a user pool is asked", "providers", async (page) => {
    await press(page, `Change ${USER_POOL}, client webapp2`);
    await page.getByRole("dialog").getByRole("checkbox").check();
    await press(page, "Save the provider");
  }, (pool) => { pool.CognitoIdentityProviders.find((one) => one.ClientId === "webapp2").ServerSideTokenCheck = true; }],
  ["one more provider", "providers", async (page) => {
    await press(page, "Add a provider…");
    await field(page, "Kind").selectOption("social");
    await page.getByRole("dialog").getByLabel("Name").fill("graph.facebook.com");
    await page.getByRole("dialog").getByLabel("App ID").fill("4711");
    await press(page, "Add the provider");
  }, (pool) => { pool.SupportedLoginProviders["graph.facebook.com"] = "4711"; }, "Added."],
  ["one provider less", "providers", async (page) => {
    await press(page, "Remove accounts.google.com from the pool");
    await press(page, "Remove the provider");
  }, (pool) => { delete pool.SupportedLoginProviders["accounts.google.com"]; }, "Removed."],
  ["roles", "roles", async (page) => {
    await field(page, "Signed-in users").fill(roleARN("Member"));
    await field(page, "Value of rule 1").fill("plus");
    await press(page, "Save rules");
  }, (pool) => {
    pool.Roles.authenticated = roleARN("Member");
    pool.RoleMappings[DEV].RulesConfiguration.Rules[0].Value = "plus";
  }],
  ["principal tags", "tags", async (page) => {
    await field(page, "Provider").selectOption(DEV);
    await settled(page);
    await press(page, "Add tag");
    await field(page, "Tag 2").fill("plan");
    await field(page, "Claim of tag 2").fill("plan");
    await press(page, "Save tags");
  }, (pool) => { pool.PrincipalTagMaps.find((one) => one.IdentityProviderName === DEV).PrincipalTags.plan = "plan"; }],
];

// differs saves a form of a new pool, and compares the pool with what it was.
async function differs(page, name, AllowClassicFlow, [, tab, act, expect, words = "Saved."]) {
  const id = await makeFull(name, AllowClassicFlow);
  const before = await whole(id);
  await visit(page, route(id, tab));
  await act(page, before);
  await page.getByRole("status").filter({ hasText: words }).waitFor();
  const expected = structuredClone(before);
  expect(expected, before);
  return { got: await whole(id), expected };
}

test("a save of any form resets nothing else", async (t) => {
  const shown = await signedIn(t);
  for (const classic of [false, true]) {
    // Only UpdateIdentityPool has the flow.
    for (const form of classic ? forms.slice(0, 6) : forms) {
      await t.test(`${form[0]}, classic flow ${classic}`, async () => {
        const { got, expected } = await differs(shown.page, `full ${form[0].replace(/[^a-z ]/gi, "")}`, classic, form);
        assert.deepEqual(got, expected);
        assert.ok(!(await shown.page.content()).includes(secret), "the page has X's secret");
      });
    }
  }
  assert.deepEqual(await faultsOf(shown), []);
});

// The comparison must find a page that forgets a field.
test("a save that resets something is found", async (t) => {
  const { page } = await signedIn(t);
  for (const gone of ["AllowClassicFlow", "SupportedLoginProviders", "SamlProviderARNs"]) {
    await page.route("**/*", (one) => {
      if (one.request().headers()["x-amz-target"] !== "AWSCognitoIdentityService.UpdateIdentityPool") return one.fallback();
      const { [gone]: _, ...input } = one.request().postDataJSON();
      return send(UpdateIdentityPoolCommand, input).then(({ $metadata, ...pool }) =>
        one.fulfill({ contentType: "application/x-amz-json-1.1", body: JSON.stringify(pool) }));
    });
    const { got, expected } = await differs(page, `forgets ${gone}`, false, forms[0]);
    assert.notDeepEqual(got, expected, gone);
    await page.unroute("**/*");
  }
});

test("the secret of X is replaced in its place, and never shown", async (t) => {
  const shown = await signedIn(t, views.narrow);
  const { page } = shown;
  const id = await makeFull("x in place", false);
  const before = await whole(id);
  const sent = [];
  page.on("request", (one) => { if (/UpdateIdentityPool/.test(one.headers()["x-amz-target"] ?? "")) sent.push(one.postData()); });
  await visit(page, route(id, "providers"));
  await press(page, `Change ${X}`);
  const dialog = page.getByRole("dialog");
  assert.equal(await dialog.getByLabel("New consumer secret").inputValue(), "");
  assert.equal(await dialog.getByLabel("New consumer secret").getAttribute("type"), "password");
  await picture(page, "pool-change-x");
  assert.deepEqual(await faultsOf(shown), []);
  await dialog.getByLabel("Consumer key").fill("a;b");
  await press(page, "Save the provider");
  await dialog.getByText("The secret has a field of its own.").waitFor();
  await dialog.getByLabel("Consumer key").fill("xKey");
  await dialog.getByLabel("New consumer secret").fill("another.Secret");
  await press(page, "Save the provider");
  await saved(page);
  const now = await whole(id);
  assert.deepEqual(now, { ...before, SupportedLoginProviders: { ...before.SupportedLoginProviders, [X]: "xKey;another.Secret" } });

  // Somebody else replaced it meanwhile.
  await press(page, `Change ${X}`);
  await dialog.getByLabel("Consumer key").fill("mine");
  await send(UpdateIdentityPoolCommand, { ...now, SupportedLoginProviders: { ...now.SupportedLoginProviders, [X]: "xKey;theirs.Secret" } });
  await press(page, "Save the provider");
  await press(page, "Show differences");
  assert.ok(!/theirs\.Secret|another\.Secret/.test(await page.content()), "the differences show a secret");
  await press(page, "Save mine");
  await saved(page);
  assert.equal((await whole(id)).SupportedLoginProviders[X], "mine;theirs.Secret");
  assert.equal(sent.length, 2);
  assert.ok(sent.every((body) => !body.includes("•")), "a mask was sent");
});

test("somebody else's change is asked about", async (t) => {
  const shown = await signedIn(t);
  const { page } = shown;
  const meet = async (id, tab, edit, save, change) => {
    await visit(page, "#/pools");
    await visit(page, route(id, tab));
    await edit();
    await change(await whole(id));
    await press(page, save);
    await page.getByRole("dialog").getByText("Nothing is saved yet.").waitFor();
  };
  const rename = () => field(page, "Name").fill("mine");
  const settings = async ({ IdentityPoolId: id, Roles, RoleMappings, PrincipalTagMaps, ...pool }) => send(UpdateIdentityPoolCommand, {
    IdentityPoolId: id, ...pool, IdentityPoolName: "theirs", OpenIdConnectProviderARNs: [], IdentityPoolTags: { env: "theirs" } });

  await t.test("settings, mine", async () => {
    const id = await makeFull("conflict one", false);
    const before = await whole(id);
    await meet(id, "settings", rename, "Save settings", settings);
    await press(page, "Show differences");
    const text = await page.getByRole("dialog").innerText();
    assert.match(text, /IdentityPoolName\s+Yours\s+mine\s+Theirs\s+theirs/);
    assert.match(text, /They alone changed this, and it stays either way: .*OpenIdConnectProviderARNs/);
    await picture(page, "pool-conflict");
    assert.deepEqual(await faultsOf(shown), []);
    await press(page, "Save mine");
    await saved(page);
    const { OpenIdConnectProviderARNs, ...rest } = before;
    assert.deepEqual({ OpenIdConnectProviderARNs: [], ...await whole(id) },
      { ...rest, OpenIdConnectProviderARNs: [], IdentityPoolName: "mine", IdentityPoolTags: { env: "theirs" } });
  });

  await t.test("settings, theirs", async () => {
    const id = await makeFull("conflict two", true);
    await meet(id, "settings", rename, "Save settings", settings);
    const theirs = await whole(id);
    await press(page, "Take theirs");
    assert.equal(await field(page, "Name").inputValue(), "theirs");
    assert.equal(await page.getByRole("group", { name: "Unsaved changes" }).count(), 0);
    assert.deepEqual(await whole(id), theirs);
  });

  for (const [answer, member] of [["Save mine", "Mine"], ["Take theirs", "Theirs"]]) {
    await t.test(`roles: ${answer}`, async () => {
      const id = await makeFull(`conflict ${answer}`, false);
      await meet(id, "roles", () => field(page, "Signed-in users").fill(roleARN("Mine")), "Save rules", (now) =>
        send(SetIdentityPoolRolesCommand, { IdentityPoolId: id, RoleMappings: now.RoleMappings, Roles: { authenticated: roleARN("Theirs") } }));
      await press(page, answer);
      if (answer === "Save mine") await saved(page);
      assert.equal((await whole(id)).Roles.authenticated, roleARN(member));
      assert.equal(await field(page, "Signed-in users").inputValue(), roleARN(member));
    });

    await t.test(`principal tags: ${answer}`, async () => {
      const id = await makeFull(`conflict tags ${answer}`, false);
      const map = async () => (await whole(id)).PrincipalTagMaps.find((one) => one.IdentityProviderName === DEV).PrincipalTags;
      const edit = async () => {
        await field(page, "Provider").selectOption(DEV);
        await settled(page);
        await field(page, "Claim of tag 1").fill("mine");
      };
      await meet(id, "tags", edit, "Save tags", () =>
        send(SetPrincipalTagAttributeMapCommand, { IdentityPoolId: id, IdentityProviderName: DEV, PrincipalTags: { team: "theirs" } }));
      await press(page, answer);
      if (answer === "Save mine") await saved(page);
      assert.deepEqual(await map(), { team: member.toLowerCase() });
    });
  }
});

test("a draft is not lost without an answer", async (t) => {
  const shown = await signedIn(t);
  const { page } = shown;
  const id = await makeFull("drafts", false);
  const leave = page.getByRole("dialog", { name: "Leave without saving?" });
  const listens = () => page.evaluate(() => {
    const event = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  });

  const edits = {
    settings: () => field(page, "Name").fill("draft"),
    roles: () => field(page, "Signed-in users").fill("draft"),
    tags: async () => { await field(page, "Provider").selectOption(DEV); await settled(page); await field(page, "Claim of tag 1").fill("draft"); },
  };
  for (const [tab, edit] of Object.entries(edits)) {
    await t.test(tab, async () => {
      await visit(page, route(id, tab));
      assert.equal(await listens(), false, "the browser is held without a draft");
      await edit();
      assert.equal(await listens(), true, "the browser is not held with a draft");
      await page.evaluate(() => { location.hash = "#/server"; });
      await leave.waitFor();
      await leave.getByRole("button", { name: "Stay" }).click();
      await leave.waitFor({ state: "hidden" });
      assert.ok(decodeURIComponent(page.url()).endsWith(`/${tab}`), page.url());
      assert.equal(await page.getByRole("group", { name: "Unsaved changes" }).count(), 1);

      await page.evaluate(() => { location.hash = "#/server"; });
      await leave.waitFor();
      await leave.getByRole("button", { name: "Leave" }).click();
      await page.getByRole("heading", { level: 1, name: "Server" }).waitFor();
      await settled(page);
      assert.equal(await leave.isVisible(), false, "it is asked twice");
      assert.equal(await listens(), false, "the browser is held after the draft");
    });
  }

  await t.test("a draft that was discarded is none", async () => {
    await visit(page, route(id, "settings"));
    await edits.settings();
    await press(page, "Discard changes");
    assert.equal(await listens(), false);
    await visit(page, "#/pools");
    assert.equal(await leave.isVisible(), false);
  });
});

test("a page that is left sees nothing of the next one's address", async (t) => {
  const { page } = await signedIn(t);
  const id = await makeFull("left", false);
  await visit(page, "#/identities");
  const asked = [];
  page.on("request", (one) => { if (one.headers()["x-amz-target"]) asked.push(`${one.headers()["x-amz-target"].split(".")[1]} ${one.postData()}`); });

  // The next page does not come before it is let.
  let release;
  const held = new Promise((done) => { release = done; });
  await page.route(/\/assets\/.*\.js$/, async (one) => { await held; await one.continue(); });
  const pool = page.getByRole("main").getByLabel("Pool", { exact: true });
  await page.evaluate((to) => { location.hash = to; }, `#/play?pool=${encodeURIComponent(id)}`);
  await page.waitForFunction(() => location.hash.startsWith("#/play"));
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.equal(await pool.inputValue(), "");
  assert.deepEqual(asked.filter((one) => one.includes(id)), []);
  release();
  await page.getByRole("heading", { level: 1, name: "Playground" }).waitFor();
  await settled(page);
  assert.ok(asked.some((one) => one.includes(id)), "the playground did not get its query");
});

test("the code of the classic flow, where a pool allows it", async (t) => {
  const shown = await signedIn(t);
  const { page } = shown;
  const makeOpen = async (AllowClassicFlow, RoleMappings = {}) => {
    const { IdentityPoolId } = await send(CreateIdentityPoolCommand, {
      IdentityPoolName: "code", AllowUnauthenticatedIdentities: true, AllowClassicFlow, OpenIdConnectProviderARNs: [DEV] });
    await send(SetIdentityPoolRolesCommand, { IdentityPoolId, Roles: { unauthenticated: roleARN("CodeGuest") }, RoleMappings });
    return IdentityPoolId;
  };
  const ways = (page) => field(page, "Who signs in").locator("option").allInnerTexts();
  const plain = [`A user of ${KEY}`, "A guest"];

  const open = await makeOpen(true);
  await visit(page, route(open, "code"));
  await page.getByText("This pool allows the classic flow as well").waitFor();
  assert.deepEqual(await ways(page), [...plain, `A user of ${KEY}, classic flow`, "A guest, classic flow"]);
  await field(page, "Who signs in").selectOption("A guest, classic flow");
  await page.locator("main pre").getByText(roleARN("CodeGuest")).first().waitFor();
  await field(page, "Who signs in").selectOption(`A user of ${KEY}, classic flow`);
  await page.getByText("The pool has no such role").waitFor();
  assert.deepEqual(await faultsOf(shown), []);

  await visit(page, `#/play?pool=${encodeURIComponent(open)}`);
  await field(page, "A guest").check();
  await page.locator("summary", { hasText: /^Code$/ }).first().click();
  await page.getByText("This pool allows the classic flow as well").first().waitFor();

  const rules = { Type: "Rules", AmbiguousRoleResolution: "Deny", RulesConfiguration: { Rules: [
    { Claim: "plan", MatchType: "Equals", Value: "pro", RoleARN: roleARN("CodeGuest") }] } };
  for (const closed of [await makeOpen(false), await makeOpen(true, { [DEV]: rules })]) {
    await visit(page, route(closed, "code"));
    assert.deepEqual(await ways(page), plain);
    assert.equal(await page.getByText(/classic flow/).count(), 0);
  }
});

test("guests off and the end of a pool", async (t) => {
  const shown = await signedIn(t);
  const { page } = shown;
  const id = await makeFull("end of a pool", false);
  await iam.createRole({ RoleName: "TrustsTheEnd", AssumeRolePolicyDocument: JSON.stringify(trustOf(id, "authenticated")) }).promise();
  for (const sub of ["ann", "bob"]) await send(GetIdCommand, { IdentityPoolId: id, Logins: { [KEY]: await tokenFor(sub) } });
  await send(GetIdCommand, { IdentityPoolId: id });
  const before = await whole(id);

  await visit(page, route(id, "settings"));
  await field(page, "Allow guests").uncheck();
  await press(page, "Save settings");
  const dialog = page.getByRole("dialog");
  assert.match(await dialog.innerText(), /Stop guest access\?[\s\S]*Their identities stay\./);
  await picture(page, "pool-guests-off");
  await press(page, "Keep guest access");
  assert.equal((await whole(id)).AllowUnauthenticatedIdentities, true);
  await press(page, "Save settings");
  await press(page, "Stop guest access");
  await saved(page);
  assert.deepEqual(await whole(id), { ...before, AllowUnauthenticatedIdentities: false });

  await press(page, "End credentials of this pool…");
  await dialog.getByRole("button", { name: "End credentials" }).click();
  await page.getByRole("status").filter({ hasText: /Credentials of this pool that were issued before .* are refused\./ }).waitFor();

  await press(page, "Delete the pool…");
  await dialog.getByText(/This deletes\s+3 identities\s+and\s+2 linked logins/).waitFor();
  await dialog.getByText("1 role still names this pool").waitFor();
  const act = dialog.getByRole("button", { name: "Delete 3 identities" });
  assert.equal(await act.getAttribute("aria-disabled"), "true");
  await act.click({ force: true });
  assert.equal((await whole(id)).IdentityPoolName, "end of a pool");
  await dialog.getByLabel(/^Type/).fill("end of a pool");
  await picture(page, "pool-delete");
  assert.deepEqual(await faultsOf(shown), []);
  await act.click();
  await page.getByRole("heading", { level: 1, name: "Identity pools" }).or(page.getByRole("heading", { level: 1, name: "Pools" })).waitFor();
  const { IdentityPools } = await send(ListIdentityPoolsCommand, { MaxResults: 60 });
  assert.ok(!IdentityPools.some((one) => one.IdentityPoolId === id), "the pool is there");
});
