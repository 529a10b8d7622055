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
  await page.getByLabel("Name of the new role of signed-in users").fill("no blanks");
  await refusedBy(page, "Next: Providers",
    [["Roles: The new role of signed-in users needs a name of 1–64 letters, digits and _ + = , . @ -.", "#new-Roles"]]);
  await page.getByLabel("Name of the new role of signed-in users").fill("Member");
  await page.getByLabel("Role of guests").fill(roleARN("Visitor"));
  await press(page, "Next: Providers");
}

// addProviders registers an issuer, after a test of the development issuer, and a SAML provider.
async function addProviders(page, issuer) {
  const dialog = page.getByRole("dialog");
  const add = async () => {
    await dialog.getByRole("button", { name: "Add the provider" }).click();
    await dialog.waitFor({ state: "detached" });
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
  await dialog.getByLabel("Metadata document").fill(await metadata());
  await add();
}

async function fillProviders(page, issuer) {
  await addProviders(page, issuer);
  await press(page, "Add a user pool");
  await press(page, "Add a public provider");
  await page.getByLabel("Public provider 1").selectOption("api.twitter.com");
  await page.getByLabel("Consumer key of X").fill("xAppKey");
  await page.getByLabel("Consumer secret of X").fill(`${secret} !`);
  await page.getByLabel("Developer name").fill("my backend");
  const rule = "Use only the characters that the field names, with no blanks around them.";
  await refusedBy(page, "Next: Details", [
    ["User pools, row 1: Use only", '[id^="new-CognitoIdentityProviders-"][id$="-name"]'],
    [`Developer name: ${rule}`, "#new-DeveloperProviderName"],
  ]);
}

test("a pool of every parameter", async (t) => {
  const own = await serveIssuer();
  t.after(own.close);
  await makeRole("Visitor", trustOf("us-east-1:00000000-0000-4000-8000-000000000000", "unauthenticated"));
  const { page } = await newPool(t);
  await refusedBy(page, "Next: Roles", [["Guests: Choose one.", "#new-AllowUnauthenticatedIdentities"]]);
  await page.getByLabel("Users who sign in, and guests").check();
  await press(page, "Next: Roles");
  await fillRoles(page);
  await fillProviders(page, own.issuer);
});
