// The pages Access and Server: what somebody does there, compared with what the server has then; the simulator against
// the server's own decisions; and things of the settings file, which cannot be changed.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand } from "@aws-sdk/client-cognito-identity";
import AWS from "aws-sdk";

import { admin, arn, iam, info, metadata, roleARN, send, serveIssuer, trustIn, trustOf } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, views, visit } from "./console.mjs";

const { endpoint: ENDPOINT, account_id: ACCOUNT, oidc_provider_arn: DEV } = info;
const NOBODY = "us-east-1:00000000-0000-4000-8000-000000000000";
const ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess";

after(() => browser.close());

const press = async (page, name) => { await page.getByRole("button", { name, exact: true }).click(); await settled(page); };
const field = (page, label) => page.getByLabel(label, { exact: true });
const policy = (...Statement) => ({ Version: "2012-10-17", Statement });
const allow = (Action, Resource = "*", more = {}) => ({ Effect: "Allow", Action, Resource, ...more });

async function signedIn(t, view = views.wide) {
  const shown = await open(ENDPOINT, view);
  t.after(shown.close);
  await signIn(shown.page);
  return shown;
}

async function makeRole(RoleName, more = {}) {
  await iam.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trustOf(NOBODY, "authenticated")), ...more }).promise();
}

const roleNow = async (RoleName) => (await iam.getRole({ RoleName }).promise()).Role;
const exists = (call) => call.promise().then(() => true, (error) => { if (error.code !== "NoSuchEntity") throw error; return false; });

test("a role's facts", async (t) => {
  const shown = await signedIn(t);
  const { page } = shown;
  await makeRole("Facts", { Description: "before", Tags: [{ Key: "env", Value: "test" }, { Key: "team", Value: "red" }] });
  const before = await roleNow("Facts");
  await visit(page, "#/access/roles/Facts");
  await press(page, "Change the role…");
  const dialog = page.getByRole("dialog");
  await field(page, "Longest session, in seconds").fill("60");
  await dialog.getByLabel("Permissions boundary").fill("Bound");
  await press(page, "Save the role");
  await dialog.getByText("Give a whole number of 3,600 to 43,200 seconds.").waitFor();
  await dialog.getByText("Give the ARN of a managed policy, or nothing.").waitFor();

  await dialog.getByLabel("Description").fill("reads <b>photos</b>");
  await field(page, "Longest session, in seconds").fill("5400");
  await dialog.getByLabel("Permissions boundary").fill(ADMINISTRATOR);
  await press(page, "Remove tag 2");
  await field(page, "Value of tag 1").fill("prod");
  await press(page, "Add a tag");
  await field(page, "Key of tag 2").fill("cost center");
  await field(page, "Value of tag 2").fill("=1+1");
  await picture(page, "access-role-edit");
  assert.deepEqual(await faultsOf(shown), []);
  await press(page, "Save the role");
  await page.getByRole("status").filter({ hasText: "Saved." }).first().waitFor();

  const now = await roleNow("Facts");
  assert.deepEqual({ ...now, Tags: now.Tags.sort((a, b) => a.Key < b.Key ? -1 : 1) }, { ...before, Description: "reads <b>photos</b>",
    MaxSessionDuration: 5400, PermissionsBoundary: { PermissionsBoundaryType: "Policy", PermissionsBoundaryArn: ADMINISTRATOR },
    Tags: [{ Key: "cost center", Value: "=1+1" }, { Key: "env", Value: "prod" }] });
  assert.match(await page.getByRole("main").innerText(), /reads <b>photos<\/b>[\s\S]*1\.5 hours[\s\S]*AdministratorAccess/);

  await press(page, "Change the role…");
  await dialog.getByLabel("Permissions boundary").fill("");
  await press(page, "Save the role");
  await dialog.waitFor({ state: "detached" });
  const last = await roleNow("Facts");
  assert.equal(last.PermissionsBoundary, undefined);
  assert.deepEqual(last.Tags.length, 2);

  // What the server refuses stays in the dialog, with what was made before it.
  await press(page, "Change the role…");
  await dialog.getByLabel("Description").fill("half");
  await dialog.getByLabel("Permissions boundary").fill(`arn:aws:iam::${ACCOUNT}:policy/Absent`);
  await press(page, "Save the role");
  await dialog.getByText("The permissions boundary was not saved.").waitFor();
  assert.equal((await roleNow("Facts")).Description, "half");
  await page.evaluate(() => { location.hash = "#/server"; });
  await page.getByRole("dialog", { name: "Leave without saving?" }).getByRole("button", { name: "Stay" }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.match(await page.getByRole("main").innerText(), /Description\s+half/);
});

// refusedAt saves a text, and returns where the page sees the fault.
async function refusedAt(page, save) {
  await press(page, save);
  const text = await page.getByRole("alert").filter({ hasText: /The server does not take this policy\.\s+Line/ }).innerText();
  const [, line, column] = /Line (\d+), column (\d+):/.exec(text);
  return { line: Number(line), column: Number(column) };
}

test("a role's policies", async (t) => {
  const shown = await signedIn(t);
  const { page } = shown;
  await makeRole("Policies");
  await visit(page, "#/access/roles/Policies");
  const trust = field(page, "Who may take the role");
  const text = (await trust.inputValue());
  assert.deepEqual(JSON.parse(text), trustOf(NOBODY, "authenticated"));
  assert.match(await page.getByRole("region", { name: "Who can use it" }).innerText(), /Allows\s+Users of cognito-identity\.amazonaws\.com/);

  await t.test("the trust policy", async () => {
    const lines = text.split("\n");
    const at = lines.findIndex((line) => line.includes('"Allow"'));
    const wrong = text.replace('"Allow"', '"Alow"');
    await trust.fill(wrong);
    const place = await refusedAt(page, "Save the trust policy");
    assert.equal(place.line, at + 1);
    assert.equal(place.column, lines[at].indexOf('"Allow"') + 1);
    await picture(page, "access-trust-refused");
    assert.deepEqual(await faultsOf(shown), []);
    assert.deepEqual(await trustIn("Policies"), trustOf(NOBODY, "authenticated"));

    await trust.fill(text.replace('"Version"', "'Version'"));
    assert.deepEqual(await refusedAt(page, "Save the trust policy"), { line: 2, column: lines[1].indexOf('"Version"') + 1 });

    await trust.fill(JSON.stringify(trustOf(NOBODY, "unauthenticated"), null, 2));
    await press(page, "Save the trust policy");
    assert.deepEqual(await trustIn("Policies"), trustOf(NOBODY, "unauthenticated"));
    assert.match(await page.getByRole("region", { name: "Who can use it" }).innerText(), /unauthenticated/);
  });

  const names = async () => (await iam.listRolePolicies({ RoleName: "Policies" }).promise()).PolicyNames;
  await t.test("its own", async () => {
    await press(page, "Add a policy");
    await field(page, "Name").fill("Read");
    await field(page, "Permission policy").first().fill('{\n  "Version": "2012-10-17",\n  "Statement": [\n{"Effect": "Allow", "Action": "s3:GetObject"}]\n}');
    assert.deepEqual(await refusedAt(page, "Add the policy"), { line: 4, column: 1 });
    await field(page, "Permission policy").first().fill('{\n  "Version": "2012-10-17",\n  "Statement": [\n{"Effect": "Allow", "Resource": "*", "Action": ["s3:*", "s3"]}]\n}');
    assert.deepEqual(await refusedAt(page, "Add the policy"), { line: 4, column: 57 });
    await page.getByText("Write the service's prefix, one colon and the operation: s3:GetObject.").waitFor();
    await field(page, "Permission policy").first().fill(JSON.stringify(policy(allow("s3:GetObject"))));
    await press(page, "Add the policy");
    assert.deepEqual(await names(), ["Read"]);

    const box = field(page, "What the role may do by Read");
    await box.fill(JSON.stringify(policy(allow("s3:ListBucket")), null, 2));
    await press(page, "Save the policy");
    const { PolicyDocument } = await iam.getRolePolicy({ RoleName: "Policies", PolicyName: "Read" }).promise();
    assert.deepEqual(JSON.parse(decodeURIComponent(PolicyDocument)), policy(allow("s3:ListBucket")));
  });

  const attached = async () => (await iam.listAttachedRolePolicies({ RoleName: "Policies" }).promise()).AttachedPolicies.map((one) => one.PolicyArn);
  await t.test("managed ones", async () => {
    await press(page, "Attach a managed policy");
    const proposals = await page.locator("form[aria-label='Attach a managed policy'] datalist option").evaluateAll((all) => all.map((one) => one.value));
    assert.ok(proposals.includes(ADMINISTRATOR), proposals.join());
    assert.ok(!proposals.some((one) => one.includes("settings-boundary")), "a policy of the settings file is proposed");
    await field(page, "Managed policy").fill(`arn:aws:iam::${ACCOUNT}:policy/Absent`);
    await press(page, "Attach the policy");
    await page.getByText("The policy was not attached.").waitFor();
    await field(page, "Managed policy").fill(ADMINISTRATOR);
    await press(page, "Attach the policy");
    assert.deepEqual(await attached(), [ADMINISTRATOR]);
    await press(page, "Detach the policy AdministratorAccess");
    await press(page, "Keep the policy");
    assert.deepEqual(await attached(), [ADMINISTRATOR]);
    await press(page, "Detach the policy AdministratorAccess");
    await press(page, "Detach the policy");
    await page.getByRole("status").filter({ hasText: "Detached." }).waitFor();
    assert.deepEqual(await attached(), []);
  });

  await t.test("the end of the role", async () => {
    const { IdentityPoolId } = await send(CreateIdentityPoolCommand, { IdentityPoolName: "names the role", AllowUnauthenticatedIdentities: false });
    const rolesOf = { IdentityPoolId, Roles: { authenticated: roleARN("Policies") } };
    const { SetIdentityPoolRolesCommand } = await import("@aws-sdk/client-cognito-identity");
    await send(SetIdentityPoolRolesCommand, rolesOf);
    await iam.attachRolePolicy({ RoleName: "Policies", PolicyArn: ADMINISTRATOR }).promise();
    await visit(page, "#/access/roles");
    await visit(page, "#/access/roles/Policies");
    await press(page, "End credentials…");
    await page.getByRole("dialog").getByRole("button", { name: "End credentials" }).click();
    await page.getByRole("status").filter({ hasText: /Credentials of this role that were issued before .* are refused\.$/ }).waitFor();

    await press(page, "Delete the role…");
    const dialog = page.getByRole("dialog");
    const words = (await dialog.innerText()).replace(/\s+/g, " ");
    assert.match(words, /First 1 managed policy is detached: AdministratorAccess\./);
    assert.match(words, /1 policy of its own will be deleted with it\./);
    assert.match(words, /1 identity pool/);
    assert.ok(words.includes(IdentityPoolId), words);
    await picture(page, "access-role-delete");
    const act = dialog.getByRole("button", { name: "Delete the role and 2 policies" });
    await act.click({ force: true });
    assert.ok(await exists(iam.getRole({ RoleName: "Policies" })), "the role was deleted without its name");
    await dialog.getByLabel(/^Type/).fill("Policies");
    await act.click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(await exists(iam.getRole({ RoleName: "Policies" })), false);
  });
});

test("what comes from the settings file has no buttons that change it", async (t) => {
  const shown = await signedIn(t, views.narrow);
  const { page } = shown;
  await makeRole("Free");
  const issuer = await iam.createOpenIDConnectProvider({ Url: "https://free.example", ClientIDList: ["app"] }).promise();
  const changes = /^(Change|Delete|Save|Add|Attach|Detach|Remove|Discard) (?!a condition key)/;
  const names = () => page.getByRole("main").getByRole("button").evaluateAll((all) => all.map((one) => one.getAttribute("aria-label") ?? one.innerText.trim()));

  // What the server would take tells which buttons there must be.
  const cases = [];
  for (const { RoleName, Description = "" } of (await iam.listRoles().promise()).Roles)
    cases.push([`#/access/roles/${RoleName}`, iam.updateRoleDescription({ RoleName, Description })]);
  for (const { Arn } of (await iam.listOpenIDConnectProviders().promise()).OpenIDConnectProviderList) {
    cases.push([`#/access/oidc/${encodeURIComponent(Arn)}`, iam.untagOpenIDConnectProvider({ OpenIDConnectProviderArn: Arn, TagKeys: ["absent"] })]);
  }

  const seen = { free: 0, file: 0 };
  for (const [route, call] of cases) {
    await t.test(route, async () => {
      const code = await call.promise().then(() => "", (error) => error.code);
      await visit(page, route);
      const tagged = await page.getByText("settings file", { exact: true }).count() > 0;
      assert.equal(tagged, code === "UnmodifiableEntity", `the server answers ${code || "yes"}`);
      const found = (await names()).filter((one) => changes.test(one));
      if (tagged) assert.deepEqual(found, []);
      else assert.ok(found.length > 2, found.join());
      seen[tagged ? "file" : "free"]++;
      if (route.endsWith("/Filed")) { await picture(page, "access-role-file"); assert.deepEqual(await faultsOf(shown), []); }
    });
  }
  assert.ok(seen.free >= 2 && seen.file >= 3, JSON.stringify(seen));
  assert.ok(issuer.OpenIDConnectProviderArn);

  await t.test("an advice is copied", async () => {
    const arn = `arn:aws:iam::${ACCOUNT}:oidc-provider/file.example/realm`;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await visit(page, `#/access/oidc/${encodeURIComponent(arn)}?field=ClientIDList&add=other-app`);
    await page.getByText("Proposed, but to be added in the settings file: other-app").waitFor();
    await press(page, "Copy the line for the settings file");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()),
      '# add to client_ids of https://file.example/realm, in oidc_providers\n- "other-app"');
  });
});

// What the simulator is asked: actions, resources, condition keys, and the statement that decides.
const questions = [
  { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::photos/a"], sid: "Read" },
  { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::photos/secret/a"], sid: "NoSecrets" },
  { actions: ["s3:PutObject"], resources: ["arn:aws:s3:::photos/a"], keys: [["aws:PrincipalTag/team", "red"]], sid: "Write" },
  { actions: ["s3:PutObject"], resources: ["arn:aws:s3:::photos/a"], keys: [["aws:PrincipalTag/team", "blue"]] },
  { actions: ["s3:DeleteObject"], resources: [] },
  { actions: ["s3:GetObject", "s3:DeleteObject"], resources: ["arn:aws:s3:::photos/a", "arn:aws:s3:::other/a"], sid: "Read" },
  { actions: ["sns:Publish"], resources: [], sid: "Managed" },
];
const words = {
  allowed: "Allowed", explicitDeny: "Refused: a statement denies it", implicitDeny: "Refused: no statement allows it",
};

test("the simulator agrees with the server", async (t) => {
  const shown = await signedIn(t);
  const { page } = shown;
  await makeRole("Simulated");
  await iam.putRolePolicy({ RoleName: "Simulated", PolicyName: "Photos", PolicyDocument: JSON.stringify(policy(
    { Sid: "Read", ...allow("s3:GetObject", "arn:aws:s3:::photos/*") },
    { Sid: "NoSecrets", ...allow("s3:*", "arn:aws:s3:::photos/secret/*"), Effect: "Deny" },
    { Sid: "Write", ...allow("s3:PutObject", "arn:aws:s3:::photos/*", { Condition: { StringEquals: { "aws:PrincipalTag/team": "red" } } }) })) }).promise();
  const { Policy } = await iam.createPolicy({ PolicyName: "Publish", PolicyDocument: JSON.stringify(policy(
    { Sid: "Managed", ...allow("sns:Publish") })) }).promise();
  await iam.attachRolePolicy({ RoleName: "Simulated", PolicyArn: Policy.Arn }).promise();
  await visit(page, "#/access/roles/Simulated");
  const results = page.locator("section:has(h2:text-is('Try it')) .results li");

  let keys = 0;
  const seen = new Set();
  for (const { actions, resources, keys: context = [], sid } of questions) {
    await t.test(`${actions} on ${resources}`, async () => {
      await field(page, "Actions").fill(actions.join("\n"));
      await field(page, "Resources").fill(resources.join("\n"));
      for (; keys > 0; keys--) await press(page, "Remove condition key 1");
      for (const [key, value] of context) {
        await press(page, "Add a condition key");
        await field(page, `Condition key ${++keys}`).fill(key);
        await field(page, `Values of condition key ${keys}`).fill(value);
      }
      await press(page, "Ask the server");
      const { EvaluationResults } = await iam.simulatePrincipalPolicy({ PolicySourceArn: roleARN("Simulated"), ActionNames: actions,
        ...(resources.length > 0 ? { ResourceArns: resources } : {}),
        ContextEntries: context.map(([ContextKeyName, value]) => ({ ContextKeyName, ContextKeyType: "string", ContextKeyValues: [value] })) }).promise();
      const expected = EvaluationResults.flatMap((one) => one.ResourceSpecificResults?.length
        ? one.ResourceSpecificResults.map((part) => [one.EvalActionName, part.EvalResourceName, part.EvalResourceDecision])
        : [[one.EvalActionName, one.EvalResourceName, one.EvalDecision]]);
      const got = (await results.allInnerTexts()).map((text) => text.trim().split("\n").filter(Boolean));
      assert.deepEqual(got.map(([decision, about]) => [decision.trim(), about]),
        expected.map(([action, resource, decision]) => [words[decision], `${action} on ${resource}`]));
      expected.forEach(([, , decision]) => seen.add(decision));
      const texts = (await results.allInnerTexts()).join("\n");
      if (sid) assert.match(texts, new RegExp(`"Sid":\\s*"${sid}"`));
      else assert.ok(!texts.includes('"Sid"'), texts);
    });
  }
  assert.deepEqual([...seen].sort(), Object.keys(words).sort());
  await picture(page, "access-simulator");
  assert.deepEqual(await faultsOf(shown), []);
});

test("the simulator shows what a session of the role gets", async (t) => {
  const { page } = await signedIn(t);
  const trust = policy({ Effect: "Allow", Principal: { AWS: ACCOUNT }, Action: "sts:AssumeRole" });
  await iam.createRole({ RoleName: "Real", AssumeRolePolicyDocument: JSON.stringify(trust) }).promise();
  await iam.putRolePolicy({ RoleName: "Real", PolicyName: "Some", PolicyDocument: JSON.stringify(policy(allow("iam:GetRole"), allow("cognito-identity:List*"))) }).promise();
  const key = { endpoint: ENDPOINT, region: "us-east-1", accessKeyId: "test", secretAccessKey: "test" };
  const { Credentials: c } = await new AWS.STS(key).assumeRole({ RoleArn: roleARN("Real"), RoleSessionName: "real" }).promise();
  const session = { ...key, accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken };
  const calls = {
    "iam:GetRole": () => new AWS.IAM(session).getRole({ RoleName: "Real" }),
    "iam:ListRoles": () => new AWS.IAM(session).listRoles(),
    "cognito-identity:ListIdentityPools": () => new AWS.CognitoIdentity(session).listIdentityPools({ MaxResults: 1 }),
    "cognito-identity:CreateIdentityPool": () => new AWS.CognitoIdentity(session).createIdentityPool({ IdentityPoolName: "no", AllowUnauthenticatedIdentities: false }),
  };
  await visit(page, "#/access/roles/Real");
  await field(page, "Actions").fill(Object.keys(calls).join("\n"));
  await press(page, "Ask the server");
  const shown = (await page.locator(".results li").allInnerTexts()).map((text) => /^\s*Allowed/.test(text));
  const real = [];
  for (const call of Object.values(calls)) real.push(await call().promise().then(() => true, (error) => { assert.match(error.code, /^AccessDenied/); return false; }));
  assert.deepEqual(real, [true, false, true, false]);
  assert.deepEqual(shown, real);
});

test("access keys", async (t) => {
  const shown = await signedIn(t);
  const { page } = shown;
  const keys = async () => (await admin("ListAccessKeys")).AccessKeys;
  const dialog = page.getByRole("dialog");
  await visit(page, "#/access/keys");
  await press(page, "Make an access key");
  await field(page, "Description").fill("reports");
  await field(page, "What the key may do").fill('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}');
  assert.equal((await refusedAt(page, "Make the key")).line, 1);
  await field(page, "What the key may do").fill(JSON.stringify(policy(allow("cognito-identity:List*"))));

  let secret = "";
  page.on("response", async (answer) => {
    if (/CreateAccessKey/.test(answer.request().headers()["x-amz-target"] ?? "") && answer.ok()) secret = (await answer.json()).SecretAccessKey;
  });
  await press(page, "Make the key");
  await dialog.getByText("The secret is shown now and never again.").waitFor();
  assert.ok(secret.length > 20);
  assert.ok(!(await page.content()).includes(secret), "the secret is in the page before it is asked for");
  await picture(page, "access-key-made");
  assert.deepEqual(await faultsOf(shown), []);
  await press(page, "Show the secret");
  assert.ok((await dialog.innerText()).includes(secret));
  await press(page, "Hide the secret");
  assert.ok(!(await page.content()).includes(secret));
  await press(page, "Close, the secret is stored");
  assert.ok(!(await page.content()).includes(secret));
  const made = (await keys()).find((one) => one.Description === "reports");
  assert.deepEqual(JSON.parse(made.Policy), policy(allow("cognito-identity:List*")));

  const card = page.locator(`[id="key-${made.AccessKeyId}"]`);
  const pools = new AWS.CognitoIdentity({ endpoint: ENDPOINT, region: "us-east-1", accessKeyId: made.AccessKeyId, secretAccessKey: secret, maxRetries: 0 });
  await pools.listIdentityPools({ MaxResults: 1 }).promise();
  await card.getByRole("button", { name: "Disable the key…" }).click();
  await press(page, "Disable the key");
  await card.getByText("disabled", { exact: true }).waitFor();
  await assert.rejects(pools.listIdentityPools({ MaxResults: 1 }).promise());
  await card.getByRole("button", { name: "Enable the key" }).click();
  await card.getByText("enabled", { exact: true }).waitFor();
  await pools.listIdentityPools({ MaxResults: 1 }).promise();

  await card.getByRole("button", { name: "Delete the key…" }).click();
  await settled(page);
  await dialog.getByRole("button", { name: "Delete the key" }).click({ force: true });
  assert.ok((await keys()).some((one) => one.AccessKeyId === made.AccessKeyId), "the key was deleted without its ID");
  await dialog.getByLabel(/^Type/).fill(made.AccessKeyId);
  await dialog.getByRole("button", { name: "Delete the key" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.ok(!(await keys()).some((one) => one.AccessKeyId === made.AccessKeyId));
});

test("the key that signs is not ended by mistake", async (t) => {
  const { page, close } = await open(ENDPOINT);
  t.after(close);
  const { AccessKey, SecretAccessKey } = await admin("CreateAccessKey", { Policy: JSON.stringify(policy(allow("*"))), Description: "own" });
  const other = page.getByRole("button", { name: /another key/i });
  if (await other.count() > 0) await other.click();
  await page.getByLabel("Access key ID").fill(AccessKey.AccessKeyId);
  await page.getByLabel("Secret access key").fill(SecretAccessKey);
  await page.getByRole("button", { name: /^Use (the|this) key$/ }).click();
  await page.locator("header .who", { hasText: AccessKey.AccessKeyId }).waitFor();
  await visit(page, "#/access/keys");
  const card = page.locator(`[id="key-${AccessKey.AccessKeyId}"]`);
  await card.getByText("signs this console's calls").waitFor();
  const sent = [];
  page.on("request", (one) => { if (/(Update|Delete)AccessKey/.test(one.headers()["x-amz-target"] ?? "")) sent.push(one.postDataJSON()); });
  for (const what of ["Disable", "Delete"]) {
    await card.getByRole("button", { name: `${what} the key…` }).click();
    await settled(page);
    const dialog = page.getByRole("dialog");
    await dialog.getByText("This console signs with this key.").waitFor();
    await picture(page, `access-own-key-${what}`);
    assert.equal(await dialog.getByRole("button", { name: `${what} the key` }).getAttribute("aria-disabled"), "true");
    await dialog.getByRole("button", { name: `${what} the key` }).click({ force: true });
    await dialog.getByRole("button", { name: "Keep the key" }).click();
    await dialog.waitFor({ state: "detached" });
  }
  assert.deepEqual(sent, []);

  await card.getByRole("button", { name: "Delete the key…" }).click();
  await settled(page);
  await page.getByLabel(/^Type/).fill(AccessKey.AccessKeyId);
  const ending = page.getByRole("dialog", { name: "Delete the access key" });
  await ending.getByRole("button", { name: "Delete the key" }).click();
  await ending.waitFor({ state: "detached" }); // the console may ask for another key at once
  assert.deepEqual(sent, [{ AccessKeyId: AccessKey.AccessKeyId, AllowOwn: true }]);
  assert.ok(!(await admin("ListAccessKeys")).AccessKeys.some((one) => one.AccessKeyId === AccessKey.AccessKeyId));
});

test("an OpenID Connect provider", async (t) => {
  const own = await serveIssuer();
  t.after(own.close);
  const shown = await signedIn(t);
  const { page } = shown;
  const dialog = page.getByRole("dialog");
  await visit(page, "#/access/oidc");
  await press(page, "Add a provider");
  await dialog.getByLabel("Issuer").fill(own.issuer);
  await dialog.getByLabel("Client IDs").fill("app-one");
  await press(page, "Test now");
  await dialog.getByText("RS256").first().waitFor();
  await picture(page, "access-oidc-add");
  assert.deepEqual(await faultsOf(shown), []);
  await dialog.getByRole("button", { name: /^Add/ }).click();
  await page.getByRole("heading", { level: 1, name: own.issuer.replace("http://", "") }).waitFor();
  const OpenIDConnectProviderArn = `arn:aws:iam::${ACCOUNT}:oidc-provider/${own.issuer.replace("http://", "")}`;
  const now = () => iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn }).promise();
  assert.deepEqual((await now()).ClientIDList, ["app-one"]);

  await field(page, "New client ID").fill("app-two");
  await press(page, "Add the client ID");
  assert.deepEqual((await now()).ClientIDList.sort(), ["app-one", "app-two"]);
  await press(page, "Remove the client ID app-one");
  await press(page, "Remove the client ID");
  assert.deepEqual((await now()).ClientIDList, ["app-two"]);
  await field(page, "Thumbprints of certificates").fill("abc");
  await page.getByText("A thumbprint has 40 hexadecimal digits.").waitFor();
  const print = "0123456789abcdef0123456789abcdef01234567";
  await field(page, "Thumbprints of certificates").fill(print);
  await press(page, "Save the thumbprints");
  assert.deepEqual((await now()).ThumbprintList, [print]);

  const { IdentityPoolId } = await send(CreateIdentityPoolCommand, { IdentityPoolName: "names the provider",
    AllowUnauthenticatedIdentities: false, OpenIdConnectProviderARNs: [OpenIDConnectProviderArn] });
  await press(page, "Delete the provider…");
  assert.ok((await dialog.innerText()).includes(IdentityPoolId), "the pool that names it is not told");
  await dialog.getByLabel(/^Type/).fill(own.issuer.replace("http://", ""));
  await dialog.getByRole("button", { name: "Delete the provider" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await exists(iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn })), false);
});

test("a SAML provider", async (t) => {
  const { page } = await signedIn(t, views.narrow);
  const dialog = page.getByRole("dialog");
  await visit(page, "#/access/saml");
  await press(page, "Add a provider");
  await dialog.getByLabel("Name").fill("school");
  await dialog.getByLabel("Metadata document").fill("<no metadata/>");
  await dialog.getByRole("button", { name: /^Add/ }).click();
  await dialog.getByText("it has at least 1,000 characters").waitFor();
  await dialog.getByLabel("Metadata document").fill(`<no-metadata>${" ".repeat(1000)}</no-metadata>`);
  await dialog.getByRole("button", { name: /^Add/ }).click();
  await dialog.getByRole("alert").filter({ hasText: "The provider was not added." }).waitFor();
  await dialog.getByLabel("Metadata document").fill(await metadata("https://school.example"));
  await dialog.getByRole("button", { name: /^Test/ }).click();
  await dialog.getByText("https://school.example").first().waitFor();
  await dialog.getByRole("button", { name: /^Add/ }).click();
  await page.getByRole("heading", { level: 1, name: "school" }).waitFor();
  const SAMLProviderArn = `arn:aws:iam::${ACCOUNT}:saml-provider/school`;
  assert.match((await iam.getSAMLProvider({ SAMLProviderArn }).promise()).SAMLMetadataDocument, /school\.example/);

  const text = await metadata("https://other.example");
  await page.locator("#metadata").fill(text);
  await press(page, "Save the metadata");
  await page.getByRole("status").filter({ hasText: "Saved." }).waitFor();
  assert.equal((await iam.getSAMLProvider({ SAMLProviderArn }).promise()).SAMLMetadataDocument, text);

  await press(page, "Delete the provider…");
  await dialog.getByText("No pool, role or access key names it.").waitFor();
  await dialog.getByLabel(/^Type/).fill("school");
  await dialog.getByRole("button", { name: "Delete the provider" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await exists(iam.getSAMLProvider({ SAMLProviderArn })), false);
});

test("engines are those of the nodes", async (t) => {
  const { page } = await signedIn(t);
  const { Nodes } = await admin("GetServerStatus");
  await visit(page, "#/access/engines");
  const names = Nodes.flatMap((node) => node.Engines ?? []).map((one) => one.Name);
  const text = await page.getByRole("main").innerText();
  if (names.length === 0) assert.match(text, /There is no credential engine\./);
  for (const name of names) assert.ok(text.includes(name), name);
});

test("the server's settings, keys and nodes", async (t) => {
  const shown = await signedIn(t);
  const { page } = shown;
  await visit(page, "#/server/settings");
  const { Settings } = await admin("ListSettings");
  const rows = await page.locator("tbody tr").evaluateAll((all) => all.map((row) => [
    row.querySelector("th bdi").textContent, ...[...row.querySelectorAll("td")].map((one) => one.textContent.trim()),
    row.querySelector("th").textContent.includes("needs a restart")]));
  const text = (value) => value || "empty";
  assert.deepEqual(rows,
    Settings.map((one) => [one.Name, text(one.Value), one.Source, text(one.Default), one.NeedsRestart]));
  assert.ok(rows.length > 20 && rows.some((row) => row[2] === "default") && rows.some((row) => row[2].startsWith("flag")));
  await picture(page, "server-settings");

  await visit(page, "#/server/keys");
  const before = (await admin("ListSigningKeys")).SigningKeys ?? [];
  await press(page, "Make new signing keys…");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("They are published now and sign in one hour.").waitFor();
  await picture(page, "server-rotate");
  await press(page, "Keep the keys");
  assert.equal(((await admin("ListSigningKeys")).SigningKeys ?? []).length, before.length);
  await press(page, "Make new signing keys…");
  await dialog.getByRole("button", { name: /^Make / }).click();
  await page.getByRole("status").filter({ hasText: "New keys are made. They are published now and sign in one hour." }).waitFor();
  const now = (await admin("ListSigningKeys")).SigningKeys;
  assert.ok(now.length > before.length, "there is no new key");
  assert.deepEqual(await faultsOf(shown), []);

  await visit(page, "#/server");
  const { Nodes } = await admin("GetServerStatus");
  for (const node of Nodes) assert.ok((await page.getByRole("main").innerText()).includes(node.Node), node.Node);
  await picture(page, "server-nodes");
});
