// What a page of each kind shows while it waits for the server, and when the server fails. With SCREENSHOTS, a picture of
// every state goes to that folder.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CognitoIdentityClient, ListIdentityPoolsCommand } from "@aws-sdk/client-cognito-identity";

import { endless } from "./console-answers.mjs";
import { admin, arn, ENDPOINT, iam, trustOf } from "./console-clients.mjs";
import { browser, visit } from "./console.mjs";
import { kinds, pool, route, sides, stage, stopClock } from "./console-shop.mjs";

after(() => browser.close());

for (const [kind, { at, call, what, there }] of Object.entries(kinds)) {
  for (const [name, view] of sides()) {
    test(`${kind}, waiting, ${name}`, async (t) => {
      const { page, calls, go, text, press, looked } = await stage(t, view);
      const bars = page.locator('main [aria-busy="true"]');
      await visit(page, route("key"));
      await stopClock(page);
      await endless(page);
      await calls.set("hold", call);
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
  }
  for (const [name, view] of sides()) {
    test(`${kind}, failing, ${name}`, async (t) => {
      const { page, calls, go, text, press, looked } = await stage(t, view);
      const again = kind === "live" ? "Now" : "Try again";
      const words = (why) => kind === "live" ? text(/^Not live since \d\d:\d\d:\d\d\. Trying again in \d+ s\. Now$/) : text(`${what} did not arrive. ${why}`);
      await visit(page, route("key"));

      await stopClock(page);
      await calls.set("hold", call);
      await go(at);
      await calls.holds(call);
      await page.clock.runFor(5100);
      await page.clock.resume();
      await words("The server did not answer within 5 seconds.").waitFor();
      await looked(`${kind}-silent`);

      for (const [rule, event, why] of [
        ["gone", "requestfailed", "The server cannot be reached."],
        ["broken", "requestfinished", "The service had an internal error."],
      ]) {
        const tried = page.waitForEvent(event, (request) => request.headers()["x-amz-target"]?.endsWith(`.${call}`));
        await calls.set(rule, call);
        await press(again);
        await tried;
        await words(why).waitFor();
        await looked(`${kind}-${rule}`);
      }

      await calls.free();
      await press(again);
      await text(there).waitFor();
      assert.equal(await page.getByRole("alert").count(), 0, "the failure stays after the answer came");
    });
  }
}

for (const [name, view] of sides()) {
  test(`what was shown stays when it cannot be read again, ${name}`, async (t) => {
    const { page, calls, text, press, looked } = await stage(t, view);
    await visit(page, kinds.chart.at);
    await calls.set("gone", "GetStatistics");
    await press("Read again");
    await text("The statistics did not arrive. The server cannot be reached.").waitFor();
    await text(/^Shown as of \d\d:\d\d:\d\d\.$/).waitFor();
    await text(kinds.chart.there).waitFor();
    assert.equal(await page.getByRole("alert").count(), 1, "another part of the page failed as well");
    await looked("chart-stays");
  });
}

for (const [name, view] of sides()) {
  test(`the wizard, waiting and failing, ${name}`, async (t) => {
    const { page, calls, text, press, looked } = await stage(t, view);
    await visit(page, route("pools", "new"));
    await page.getByLabel("Users who sign in, and guests").check();
    await calls.set("hold", "ValidateIdentityPool");
    await press("Next: Roles");
    await calls.holds("ValidateIdentityPool");
    await looked("wizard-waiting");
    assert.equal(await page.getByRole("button", { name: "Next: Roles" }).getAttribute("aria-disabled"), "true");

    await calls.free();
    await page.getByRole("heading", { name: "Roles" }).waitFor();
    await calls.set("gone", "ValidateIdentityPool");
    await press("Next: Providers");
    await text("The step was not checked. The server cannot be reached.").waitFor();
    await looked("wizard-gone");
    await calls.set("broken", "ValidateIdentityPool");
    await press("Next: Providers");
    await text("The step was not checked. The service had an internal error.").waitFor();

    await calls.free();
    await press("Next: Providers");
    await page.getByRole("heading", { name: "Providers" }).waitFor();
    await visit(page, route("pools", "new"));
    assert.ok(await page.getByLabel("Users who sign in, and guests").isChecked(), "the draft is lost");
  });
}

// Parts that are loaded when they are shown first: where, the file, what asks for it, and what is there when it has come.
const late = {
  section: [route("pools", pool, "overview"), "Roles", async (page) => visit(page, route("pools", pool, "roles")), "Default roles"],
  dialog: [route("pools", pool, "settings"), "EndCredentials", async (page) => page.getByRole("button", { name: "End credentials of this pool…" }).click(), "Name and flows"],
  step: [route("pools", "new"), "Details", async (page) => visit(page, route("pools", "new", "details")), "Allow the classic flow"],
  list: [route("access", "roles"), "Engines", async (page) => visit(page, route("access", "engines")), "Engines"],
  "part of a sign-in": [route("play"), "run", async (page) => page.getByRole("button", { name: "Run step Development token" }).click(), "Who signs in"],
};

for (const [kind, [at, file, ask, there]] of Object.entries(late)) {
  for (const [name, view] of sides()) {
    test(`a ${kind} that did not arrive, ${name}`, async (t) => {
      const { page, text, looked } = await stage(t, view);
      await visit(page, at);
      await page.route(`**/assets/${file}-*.js`, (route) => route.abort("connectionrefused"));
      await ask(page);
      await text("A part of the console did not arrive.").waitFor();
      await looked(`late-${kind}`);

      await page.unroute(`**/assets/${file}-*.js`);
      await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Load the console again" }).click()]);
      await page.getByRole("button", { name: "Use the development key" }).click();
      await text(there).waitFor();
      assert.equal(await page.getByRole("alert").count(), 0);
    });
  }
}

for (const [name, view] of sides()) {
  test(`an explained refusal, ${name}`, async (t) => {
    await new CognitoIdentityClient({ endpoint: ENDPOINT, region: "us-east-1", maxAttempts: 1,
      credentials: { accessKeyId: "AKIAUNKNOWN000000000", secretAccessKey: "x" } })
      .send(new ListIdentityPoolsCommand({ MaxResults: 1 })).catch(() => undefined);
    const { page, calls, text, press, looked } = await stage(t, view);
    await visit(page, route("explain"));
    await page.getByRole("link", { name: /The access key is unknown/ }).first().click();
    await page.getByRole("heading", { level: 2, name: "The access key is unknown" }).waitFor();
    await page.getByRole("heading", { level: 3, name: /^Checks · / }).waitFor();
    const advice = page.getByText("What to change:").locator("..");
    assert.ok(!(await advice.innerText()).includes("`"), "backticks are shown");
    assert.equal(await advice.locator("code").first().innerText(), "poolhouse dev");
    await looked("explained");

    const id = page.url().split("/").pop().split("?")[0];
    await visit(page, route("explain"));
    await calls.set("gone", "Explain");
    await visit(page, route("explain", id));
    await text("The explanation of this refusal did not arrive. The server cannot be reached.").waitFor();
    await calls.free();
    await press("Try again");
    await page.getByRole("heading", { level: 2, name: "The access key is unknown" }).waitFor();

    await visit(page, route("explain", "00000000-0000-4000-8000-00000000dead"));
    await text("No refusal with this ID is remembered").waitFor();
    const asked = page.waitForRequest((request) => request.headers()["x-amz-target"]?.endsWith(".Explain"));
    await press("Look again");
    await asked;
  });
}

for (const [name, view] of sides()) {
  test(`the wizard without a list of roles, ${name}`, async (t) => {
    await iam.createRole({ RoleName: "Listed", AssumeRolePolicyDocument: JSON.stringify(trustOf(pool, "unauthenticated")) }).promise()
      .catch((error) => assert.equal(error.code, "EntityAlreadyExists"));
    const { page, calls, text, press, looked } = await stage(t, view);
    await visit(page, route("pools", "new"));
    await calls.set("gone", ""); // what is no JSON, such as calls of IAM
    await visit(page, route("pools", "new", "roles"));
    await text("The list of roles did not arrive. The server cannot be reached.").waitFor();
    await text("Without the list, the ARN of a role can be typed.").waitFor();
    await looked("roles-gone");

    await calls.free();
    await press("Try again");
    await page.getByLabel("Role of guests").focus();
    await page.locator(`datalist option[value="${arn("role", "Listed")}"]`).first().waitFor({ state: "attached" });
    assert.equal(await page.getByRole("alert").count(), 0);
    await page.getByLabel("Role of guests").fill(arn("role", "Listed"));
    await visit(page, route("pools", "new", "review"));
    await page.locator(`dd a[href="${route("access", "roles", "Listed")}"]`).waitFor();

    // A role that is about to be made has no page yet.
    await visit(page, route("pools", "new", "roles"));
    await press("Make a role that trusts this pool, for guests");
    await visit(page, route("pools", "new", "review"));
    await page.locator("dd").getByText(/guests:.*role\/pool-guests/).waitFor();
    assert.equal(await page.locator('dd a[href^="#/access/roles"]').count(), 0);
  });
  test(`the wizard with a key that may not list roles, ${name}`, async (t) => {
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["poolhouse:*", "sts:*"], Resource: "*" }] });
    const made = await admin("CreateAccessKey", { Policy });
    const { page, text, looked } = await stage(t, view, { key: { id: made.AccessKey.AccessKeyId, secret: made.SecretAccessKey } });
    await visit(page, route("pools", "new", "roles"));
    await text(/^The roles of the account cannot be listed with this key/).waitFor();
    assert.equal(await page.getByRole("button", { name: "Try again" }).count(), 0);
    await looked("roles-denied");
  });
}
