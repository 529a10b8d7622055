// What the console shows of a server that is empty, to a key that may not see everything, when the key is no longer
// accepted, when this machine's clock is wrong, and where the browser offers no cryptography.
import assert from "node:assert/strict";
import test, { after, afterEach } from "node:test";

import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";

import { ACCOUNT, admin, arn, dev, ENDPOINT, iam } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, views, visit } from "./console.mjs";
import { kinds, pool, route, sides, stage } from "./console-shop.mjs";

after(() => browser.close());

// makeKey makes an access key that may do everything but some actions.
async function makeKey(not, how = "lacks") {
  const Statement = how === "lacks" ? [{ Effect: "Allow", NotAction: not, Resource: "*" }]
    : [{ Effect: "Allow", Action: "*", Resource: "*" }, { Effect: "Deny", Action: not, Resource: "*" }];
  const made = await admin("CreateAccessKey", { Policy: JSON.stringify({ Version: "2012-10-17", Statement }) });
  return { id: made.AccessKey.AccessKeyId, secret: made.SecretAccessKey };
}

const serverClock = (method, change) => fetch(`${ENDPOINT}/_poolhouse/dev/clock`, {
  method, headers: { "Content-Type": "application/json" }, ...(change ? { body: JSON.stringify(change) } : {}) });
afterEach(() => serverClock("DELETE"));

// permissions are the actions that the main parts of the pages need, and the resource if it is one.
const permissions = {
  list: ["poolhouse:ListPoolSummaries"],
  detail: ["poolhouse:LookupIdentity"],
  form: ["cognito-identity:GetIdentityPoolRoles", `arn:aws:cognito-identity:us-east-1:${ACCOUNT}:identitypool/${pool}`],
  live: ["poolhouse:ListRefusals"],
  chart: ["poolhouse:GetStatistics"],
};
const lacking = await makeKey(Object.values(permissions).map(([action]) => action));
const denied = await makeKey(["poolhouse:ListPoolSummaries"], "denies");
const unchecking = await makeKey(["poolhouse:ValidateIdentityPool"]);

for (const [name, view] of sides()) {
  test(`a key that may not see a part of a page, ${name}`, async (t) => {
    const { page, text, looked } = await stage(t, view, { key: lacking });
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    for (const [kind, [action, resource]] of Object.entries(permissions)) {
      await t.test(kind, async () => {
        await visit(page, kinds[kind].at);
        const alert = page.getByRole("alert").filter({ hasText: kinds[kind].what }).first();
        const said = await alert.innerText();
        assert.ok(said.startsWith(`${kinds[kind].what} did not arrive. This key may not do that. Key ${lacking.id} lacks ${action}${resource ? ` on ${resource}` : ""}.`), said);
        assert.match(said, /No statement of its policies allows it\./);

        await alert.getByRole("button", { name: "Copy the missing statement" }).click();
        const statement = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
        assert.deepEqual(statement, { Effect: "Allow", Action: action, Resource: resource ?? "*" });
        assert.match(await alert.getByRole("link", { name: "Explain this refusal" }).getAttribute("href"), /^#\/explain\/[0-9a-f-]{36}$/);
        await looked(`${kind}-denied`);
      });
    }

    // The other parts of the page work.
    await visit(page, kinds.chart.at);
    await text("Nodes and keys").waitFor();
    await visit(page, route("pools", pool, "settings"));
    assert.equal(await page.getByRole("alert").count(), 0);

    // Another key over the page reads what this one could not.
    await visit(page, kinds.form.at);
    await page.getByRole("button", { name: "Use another key" }).click();
    await page.getByRole("dialog", { name: "Use another key" }).waitFor();
    await looked("another-key");
    await page.getByRole("dialog").getByRole("button", { name: "Use the development key" }).click();
    await text(kinds.form.there).waitFor();
    assert.equal(await page.getByRole("alert").count(), 0);
  });
}

test("a key whose policy denies something is told that", async (t) => {
  const { page, looked } = await stage(t, views.wide, { key: denied });
  await visit(page, kinds.list.at);
  const alert = page.getByRole("alert").first();
  assert.match(await alert.innerText(), /A statement of its policies denies it\./);
  assert.equal(await alert.getByRole("button", { name: "Copy the missing statement" }).count(), 0, "a statement that would not help");
  await looked("list-explicitly-denied");
});

test("a key that may not check drafts goes on in the wizard", async (t) => {
  const { page, text, press, looked } = await stage(t, views.narrow, { key: unchecking });
  await visit(page, route("pools", "new"));
  await page.getByLabel("Users who sign in, and guests").check();
  await press("Next: Roles");
  await text(/Not checked\. This key lacks poolhouse:ValidateIdentityPool/).waitFor();
  await looked("wizard-denied");
});

// assume returns credentials of a role that last 15 minutes.
async function assume(role) {
  const sts = new STSClient({ endpoint: ENDPOINT, region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } });
  const { Credentials: c } = await sts.send(new AssumeRoleCommand({ RoleArn: arn("role", role), RoleSessionName: "console", DurationSeconds: 900 }));
  return { id: c.AccessKeyId, secret: c.SecretAccessKey, token: c.SessionToken };
}

// draft changes the role of guests without saving it, and returns the field.
async function draft(page) {
  await visit(page, route("pools", pool, "roles"));
  const field = page.getByLabel("Guests", { exact: true });
  await field.fill(arn("role", "poolhouse-dev-user"));
  return field;
}

for (const [name, view] of sides()) {
  test(`a key that expires, ${name}`, async (t) => {
    const role = `short-${name}`;
    await iam.createRole({ RoleName: role, AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [{
      Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "sts:AssumeRole" }] }) }).promise();
    await iam.putRolePolicy({ RoleName: role, PolicyName: "all", PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [{
      Effect: "Allow", Action: "*", Resource: "*" }] }) }).promise();
    const session = await assume(role);

    const { page, press, looked } = await stage(t, view, { key: session });
    const field = await draft(page);
    await serverClock("PUT", { advance_seconds: 3600 });
    // Another call of the page may have been refused before, so the dialog may be there already.
    await page.getByRole("button", { name: "Save rules" }).dispatchEvent("click");
    const dialog = page.getByRole("dialog", { name: "The key has expired" });
    await dialog.waitFor();
    await looked("expired");
    assert.ok(!(await page.content()).includes(session.secret) && !(await page.content()).includes(session.token), "the page has the secret");

    // Somebody who is not ready goes on reading; the button brings the dialog back.
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assert.equal(await field.inputValue(), arn("role", "poolhouse-dev-user"));
    await page.getByRole("button", { name: "Use another key" }).first().click();
    await dialog.getByRole("button", { name: "Use the development key" }).click();
    await dialog.waitFor({ state: "hidden" });
    assert.equal(await field.inputValue(), arn("role", "poolhouse-dev-user"), "the draft is lost");
    await press("Save rules");
    await page.getByRole("status").filter({ hasText: "Saved." }).waitFor();
    await settled(page);
    await looked("expired-saved");
    await field.fill(arn("role", "poolhouse-dev-guest"));
    await press("Save rules");
    await page.getByRole("status").filter({ hasText: "Saved." }).waitFor();
  });
}

test("a key that was deleted meanwhile", async (t) => {
  const key = await makeKey(["sts:Nothing"]);
  const { page, looked } = await stage(t, views.wide, { key });
  await draft(page);
  await admin("DeleteAccessKey", { AccessKeyId: key.id });
  await page.getByRole("button", { name: "Save rules" }).dispatchEvent("click");
  await page.getByRole("dialog", { name: "The key is not accepted any more" }).waitFor();
  await looked("deleted-key");
});

for (const [way, seconds] of [["behind", 7200], ["ahead of", -7200]]) {
  for (const [name, view] of sides()) {
    test(`a clock that is ${way} the server's, ${name}`, async (t) => {
      await serverClock("PUT", { advance_seconds: seconds, skewed: true });
      const { page, text, looked } = await stage(t, view);
      for (const kind of ["chart", "live", "form"]) {
        await visit(page, kinds[kind].at);
        await text(kind === "live" ? /refusals?, newest first/ : kinds[kind].there).waitFor(); // the first call was refused, by the clock
        assert.deepEqual(await page.getByRole("alert").allInnerTexts(), []);
      }
      await visit(page, route("key"));
      const said = await text(/The clock of this machine is/).innerText();
      assert.match(said, new RegExp(`^The clock of this machine is 2 h ${way} the server's\\. Calls are signed with the server's time\\.$`));
      await looked(`clock-${way}`);
    });
  }
}

for (const [name, view] of sides()) {
  test(`plain HTTP from another machine, ${name}`, async (t) => {
    const elsewhere = "http://poolhouse.example:4599";
    const shown = await open(elsewhere, view, (page) => page.route(`${elsewhere}/**`, async (to) => {
      const response = await fetch(to.request().url().replace(elsewhere, ENDPOINT));
      const headers = Object.fromEntries(response.headers);
      delete headers["content-encoding"];
      delete headers["cross-origin-opener-policy"]; // browsers tell that it does not count here
      return to.fulfill({ status: response.status, headers, body: Buffer.from(await response.arrayBuffer()) });
    }));
    t.after(shown.close);
    const alert = shown.page.getByRole("alert");
    await alert.waitFor();
    assert.match(await alert.innerText(), /This page cannot sign calls\. It came over plain HTTP from another machine/);
    assert.match(await alert.innerText(), /ssh -L 4566:127\.0\.0\.1:4566/);
    assert.equal(await shown.page.locator("main :is(input, form)").count(), 0, "a form that cannot work");
    await picture(shown.page, `states-insecure-${name}`);
    assert.deepEqual(await faultsOf(shown), []);
  });
}

for (const [name, view] of sides()) {
  test(`an empty server, ${name}`, async (t) => {
    await dev("reset", { empty: true });
    const { page, text, looked } = await stage(t, view);
    const empty = {
      list: [kinds.list.at, "No pools yet.", ["link", "Create the first pool"]],
      chart: [kinds.chart.at, "Nobody signed in in this time.", ["link", "Make a pool"]],
      live: [kinds.live.at, "No refusals yet. That is good.", ["link", "Try a sign-in"]],
      detail: [route("identities", "us-east-1:00000000-0000-4000-8000-00000000dead"), "This account and region have no identity of this ID.", ["link", "Find identities"]],
      "live, filtered": [`${kinds.live.at}?operation=GetId`, "No refusal with these filters.", ["link", "Clear filters"]],
      "list, searched": [`${kinds.list.at}?search=nothing`, "No pool has nothing in its name or ID.", ["button", "Clear the search"]],
      playground: [route("play"), "There is no pool yet.", ["link", "Make a pool"]],
    };
    for (const [kind, [at, words, [role, action]]] of Object.entries(empty)) {
      await t.test(kind, async () => {
        await visit(page, at);
        await text(words).waitFor();
        await page.locator("main").getByRole(role, { name: action }).first().waitFor();
        await looked(`${kind}-empty`);
      });
    }
  });
}
