// A new pool, as somebody makes it in the console by clicking, and what came of it.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import {
  DescribeIdentityPoolCommand, GetIdentityPoolRolesCommand, ListIdentityPoolsCommand,
} from "@aws-sdk/client-cognito-identity";

import { arn, ENDPOINT, iam, makeRole, metadata, pools, roleARN, serveIssuer, trustIn, trustOf } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, views } from "./console.mjs";

after(() => browser.close());

const BUILT_IN = arn("saml-provider", "poolhouse-dev");
const secret = "xAppSecretThatStaysHidden";

const press = async (page, name) => { await page.getByRole("button", { name, exact: true }).click(); await settled(page); };
const field = (page, label) => page.getByLabel(label, { exact: true });
const title = (page) => page.locator("main h2").first().innerText();

// newPool opens the first step of the wizard, from the list of pools.
async function newPool(t, view = views.wide) {
  const shown = await open(ENDPOINT, view);
  t.after(shown.close);
  await signIn(shown.page);
  await shown.page.evaluate(() => { location.hash = "#/pools"; });
  await settled(shown.page);
  await shown.page.getByRole("link", { name: /^Create (a|the first) pool$/ }).first().click();
  await settled(shown.page);
  return shown;
}

// refusedBy presses Next, finds the faults in a summary that has the focus, and follows each link to its field.
async function refusedBy(page, next, faults) {
  const here = await title(page);
  await press(page, next);
  assert.equal(await title(page), here, "the step was left with faults");
  const summary = page.locator('main form > [role="alert"]').first();
  assert.ok(await summary.evaluate((one) => one === document.activeElement), "the summary has not the focus");
  assert.deepEqual(await summary.locator("li").allInnerTexts(), faults.map(([text]) => text));

  for (const [n, [, field]] of faults.entries()) {
    await summary.getByRole("link").nth(n).click();
    await page.waitForFunction((of) => document.activeElement.matches(of), field);
  }
}

async function fillRoles(page) {
  await press(page, "Make a role that trusts this pool, for signed-in users");
  await field(page, "Name of the new role of signed-in users").fill("no blanks");
  await refusedBy(page, "Next: Providers",
    [["Roles: The new role of signed-in users needs a name of 1–64 letters, digits and _ + = , . @ -.", "#new-Roles"]]);
  await field(page, "Name of the new role of signed-in users").fill("Member");
  await field(page, "Role of guests").fill(roleARN("Visitor"));
  await press(page, "Next: Providers");
}

// addProviders registers an issuer, after a test of the development issuer, and a SAML provider.
async function addProviders(page, issuer) {
  const dialog = page.getByRole("dialog");
  const add = async () => {
    await dialog.getByRole("button", { name: "Add the provider" }).click();
    await dialog.locator('[role="alert"], .bad').or(page.locator("body:not(:has(dialog[open]))")).first().waitFor();
    assert.deepEqual(await dialog.locator('[role="alert"], .bad').allInnerTexts(), []);
    await settled(page);
  };

  await press(page, "Add a provider…");
  await dialog.getByLabel("Issuer").fill(`${ENDPOINT}/dev-issuer`);
  await dialog.getByRole("button", { name: "Test now" }).click();
  await dialog.getByText("Sign-ins by this provider can work.").waitFor();
  await picture(page, "flows-test-now");
  await dialog.getByLabel("Issuer").fill(issuer);
  await dialog.getByText("The issuer was changed since this test.").waitFor();
  await dialog.getByLabel("Client IDs").fill("app-one\napp-two");
  await add();

  await press(page, "Add a SAML provider…");
  await dialog.getByLabel("Name").fill("corp");
  await dialog.getByLabel("Metadata document").fill(await metadata("https://idp.example"));
  await add();

  // IAM does not list the development server's own one; a pool may have it.
  await page.getByRole("checkbox", { name: BUILT_IN }).check();
}

async function fillProviders(page, issuer) {
  await addProviders(page, issuer);
  await press(page, "Add a user pool");
  await press(page, "Add a public provider");
  await field(page, "Public provider 1").selectOption("api.twitter.com");
  await field(page, "Consumer key of X").fill("xAppKey");
  await field(page, "Consumer secret of X").fill(`${secret} !`);
  await field(page, "Developer name").fill("my backend");
  await refusedBy(page, "Next: Details", [
    ["Google, Apple, Facebook, Amazon or X: Each value needs the length and the characters that the field names, with no blanks around it.",
      "#new-SupportedLoginProviders"],
    ["Developer name: Use only the characters that the field names, with no blanks around them.", "#new-DeveloperProviderName"],
    ["User pools, row 1, user pool: Give at least 1 character.", '[id^="new-CognitoIdentityProviders-"][id$="-name"]'],
    ["User pools, row 1, app client: Give at least 1 character.", '[id^="new-CognitoIdentityProviders-"][id$="-client"]'],
  ]);
  await field(page, "User pool 1").fill("cognito-idp.us-east-1.amazonaws.com/us-east-1_shop");
  await field(page, "App client of user pool 1").fill("webapp1");
  await field(page, "Server-side token check of user pool 1").check();
  await field(page, "Consumer secret of X").fill(secret);
  await field(page, "Developer name").fill("login.shop.example");
  await press(page, "Next: Details");
}

async function fillDetails(page) {
  await press(page, "Add a tag");
  await field(page, "Key of tag 1").fill("env");
  await field(page, "Value of tag 1").fill("prod");
  await press(page, "Add a tag");
  await field(page, "Key of tag 2").fill("env");
  await refusedBy(page, "Next: Review", [["Tags of the pool: Two tags have the key env. Change or remove one.", "#new-IdentityPoolTags"],
    ["Name: Give at least 1 character.", "#new-IdentityPoolName"]]);
  await field(page, "Key of tag 2").fill("cost center");
  await field(page, "Value of tag 2").fill("=1+1:@/");
  await field(page, "Name").fill("shop, web + mobile");
  await field(page, "Allow the classic flow").check();
  await press(page, "Next: Review");
}

// callsIn returns the calls of the review, with how far they came.
const callsIn = (page) => page.getByRole("region", { name: /^\d+ calls?, in this order$/ }).locator("li").allInnerTexts();

// onReview finds the calls and each form of the text, and X's secret in none of them.
async function onReview(page) {
  assert.deepEqual((await callsIn(page)).map((text) => text.replace(/\s+/g, " ").trim()), [
    "Not made yet: CreateIdentityPool makes the pool and its ID",
    "Not made yet: CreateRole makes the role Member, which only signed-in users of this pool can take",
    "Not made yet: SetIdentityPoolRoles sets the role of signed-in users and of guests",
  ]);

  const has = { CLI: /^pool_id=.*create-identity-pool/m, YAML: /AWS::Cognito::IdentityPool/, Terraform: /resource "aws_cognito_identity_pool"/ };
  for (const [form, expected] of Object.entries(has)) {
    await press(page, form);
    const text = await page.getByRole("region", { name: "The pool as text" }).innerText();
    assert.match(text, expected);
    for (const value of ["shop, web + mobile", "xAppKey", "login.shop.example", roleARN("Member"), roleARN("Visitor"), "=1+1:@/"])
      assert.ok(text.includes(value), `${form} lacks ${value}:\n${text}`);
    assert.ok(!(await page.content()).includes(secret), `${form} has X's secret`);
  }
}

async function poolNamed(name) {
  const { IdentityPools } = await pools.send(new ListIdentityPoolsCommand({ MaxResults: 60 }));
  const found = IdentityPools.filter((one) => one.IdentityPoolName === name);
  assert.ok(found.length < 2, `${found.length} pools have the name ${name}`);
  return found[0]?.IdentityPoolId;
}

async function described(id) {
  const { $metadata, ...pool } = await pools.send(new DescribeIdentityPoolCommand({ IdentityPoolId: id }));
  const { Roles, RoleMappings } = await pools.send(new GetIdentityPoolRolesCommand({ IdentityPoolId: id }));
  return { ...pool, Roles, RoleMappings };
}

test("a pool of every parameter", async (t) => {
  const own = await serveIssuer();
  t.after(own.close);
  await makeRole("Visitor", trustOf("us-east-1:00000000-0000-4000-8000-000000000000", "unauthenticated"));
  const shown = await newPool(t);
  const { page } = shown;
  await refusedBy(page, "Next: Roles", [["Guests: Choose one.", "#new-AllowUnauthenticatedIdentities"]]);
  await picture(page, "flows-refused-step");
  await field(page, "Users who sign in, and guests").check();
  await press(page, "Next: Roles");
  await fillRoles(page);
  await fillProviders(page, own.issuer);
  await fillDetails(page);
  await onReview(page);
  await picture(page, "flows-review");
  await press(page, "Create the pool");
  await page.getByRole("status").filter({ hasText: "The pool shop, web + mobile is made." }).waitFor();
  await picture(page, "flows-made");
  assert.deepEqual(await faultsOf(shown), []);

  const id = await poolNamed("shop, web + mobile");
  const issuer = own.issuer.replace("http://", "");
  assert.deepEqual(await described(id), {
    IdentityPoolId: id,
    IdentityPoolName: "shop, web + mobile",
    AllowUnauthenticatedIdentities: true,
    AllowClassicFlow: true,
    SupportedLoginProviders: { "api.twitter.com": `xAppKey;${secret}` },
    DeveloperProviderName: "login.shop.example",
    OpenIdConnectProviderARNs: [arn("oidc-provider", issuer)],
    CognitoIdentityProviders: [
      { ProviderName: "cognito-idp.us-east-1.amazonaws.com/us-east-1_shop", ClientId: "webapp1", ServerSideTokenCheck: true }],
    SamlProviderARNs: [arn("saml-provider", "corp"), BUILT_IN],
    IdentityPoolTags: { env: "prod", "cost center": "=1+1:@/" },
    Roles: { authenticated: roleARN("Member"), unauthenticated: roleARN("Visitor") },
    RoleMappings: undefined,
  });
  assert.deepEqual(await trustIn("Member"), trustOf(id, "authenticated"));
  const { ClientIDList } = await iam.getOpenIDConnectProvider({
    OpenIDConnectProviderArn: arn("oidc-provider", issuer) }).promise();
  assert.deepEqual(ClientIDList.sort(), ["app-one", "app-two"]);

  await page.getByRole("link", { name: "Open the pool", exact: true }).click();
  await settled(page);
  assert.equal(await page.locator("main h1").innerText(), "shop, web + mobile");
});

// half makes a pool whose role is refused, because another one has its name.
async function half(t, pool, role) {
  await makeRole(role, trustOf("us-east-1:00000000-0000-4000-8000-000000000000", "authenticated"));
  const shown = await newPool(t, views.narrow);
  const { page } = shown;
  await field(page, "Only users who sign in").check();
  await press(page, "Next: Roles");
  await press(page, "Make a role that trusts this pool, for signed-in users");
  await field(page, "Name of the new role of signed-in users").fill(role);
  await press(page, "Next: Providers");
  await press(page, "Next: Details");
  await field(page, "Name").fill(pool);
  await press(page, "Next: Review");
  await press(page, "Create the pool");
  await page.getByText("The pool exists, and is not complete.").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "new-result");
  assert.match((await callsIn(page)).join(" ").replace(/\s+/g, " "), /Made: CreateIdentityPool .* Refused: CreateRole .* Not made yet: SetIdentityPoolRoles/);
  assert.match(await page.getByRole("alert").last().innerText(), /EntityAlreadyExists/);
  await picture(page, "flows-half");
  assert.deepEqual(await faultsOf(shown), []);

  const id = await poolNamed(pool);
  assert.equal((await described(id)).Roles, undefined);
  return { page, id };
}

test("the roles of a pool that was made half are finished", async (t) => {
  const { page, id } = await half(t, "half one", "Taken");
  await page.getByRole("alert").getByRole("link", { name: "Roles", exact: true }).click();
  await settled(page);
  await field(page, "Name of the new role of signed-in users").fill("NotTaken");
  await press(page, "Next: Providers");
  await page.getByRole("link", { name: "in the last step" }).click();
  await settled(page);

  // The next call fails as well: then only it is left.
  let failing = true;
  await page.route("**/*", (route) => {
    const call = route.request().headers()["x-amz-target"] ?? "";
    if (!failing || !call.endsWith(".SetIdentityPoolRoles")) return route.continue();
    failing = false;
    return route.fulfill({ status: 500, contentType: "application/x-amz-json-1.1",
      body: JSON.stringify({ __type: "InternalErrorException", message: "The database does not answer." }) });
  });
  await press(page, "Finish roles");
  await page.getByText("2 of 3 calls are done; SetIdentityPoolRoles was refused.").waitFor();
  await press(page, "Finish roles");
  await page.getByRole("status").filter({ hasText: "The pool half one is made." }).waitFor();
  assert.equal(await poolNamed("half one"), id);
  assert.deepEqual((await described(id)).Roles, { authenticated: roleARN("NotTaken") });
  assert.deepEqual(await trustIn("NotTaken"), trustOf(id, "authenticated"));
});

test("a pool that was made half is deleted again", async (t) => {
  const { page } = await half(t, "half two", "TakenToo");
  await press(page, "Delete the pool again");
  await page.getByRole("dialog").getByRole("button", { name: "Delete the pool", exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Create the pool", exact: true }).waitFor();
  assert.equal(await poolNamed("half two"), undefined);
  assert.ok(await trustIn("TakenToo"), "a role that the page did not make is gone");

  // The draft is still there.
  await press(page, "Create the pool");
  await page.getByText("The pool exists, and is not complete.").waitFor();
  assert.ok(await poolNamed("half two"));
});
