// A new pool, as somebody makes it in the console by clicking, and what came of it.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import {
  DescribeIdentityPoolCommand, GetIdentityPoolRolesCommand, ListIdentityPoolsCommand,
} from "@aws-sdk/client-cognito-identity";

import { ACCOUNT, ENDPOINT, iam, makeRole, metadata, pools, roleARN, serveIssuer, trustIn, trustOf } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, views } from "./console.mjs";

after(() => browser.close());

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
  await refusedBy(page, "Next: Review", [["Tags of the pool: Two tags have the key env. Change or remove one.", "#new-IdentityPoolTags"]]);
  await field(page, "Key of tag 2").fill("cost center");
  await field(page, "Value of tag 2").fill("=1+1:@/");
  await field(page, "Name").fill("shop, web + mobile");
  await field(page, "Allow the classic flow").check();
  await press(page, "Next: Review");
}

// texts returns the pool as it is written in each form.
async function texts(page) {
  const all = {};
  for (const form of ["CLI", "YAML", "Terraform"]) {
    await press(page, form);
    all[form] = await page.getByRole("region", { name: "The pool as text" }).innerText();
  }
  return all;
}

const callsIn = (page) => page.getByRole("region", { name: /^\d+ calls?, in this order$/ }).locator("li").allInnerTexts();

test("a pool of every parameter", async (t) => {
  const own = await serveIssuer();
  t.after(own.close);
  await makeRole("Visitor", trustOf("us-east-1:00000000-0000-4000-8000-000000000000", "unauthenticated"));
  const { page } = await newPool(t);
  await refusedBy(page, "Next: Roles", [["Guests: Choose one.", "#new-AllowUnauthenticatedIdentities"]]);
  await field(page, "Users who sign in, and guests").check();
  await press(page, "Next: Roles");
  await fillRoles(page);
  await fillProviders(page, own.issuer);
  await fillDetails(page);

  console.log(await callsIn(page), await texts(page));
});
