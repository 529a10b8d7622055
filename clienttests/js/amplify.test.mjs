// What docs/clients/amplify.md tells about remembered identities and user pools, with its own programs.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { app, lose, settings, tokenOf } from "./pages.mjs";

const site = await app("page.mjs", "session.mjs", "user-pool.mjs");
after(() => site.close());

const key = `com.amplify.Cognito.${settings.pool}.identityId`;
const kept = (page) => page.evaluate((name) => localStorage.getItem(name), key);

// who runs in the browser: it returns the identity of a guest, or of a token's
// user, or the name of the error.
const who = async ({ endpoint, pool, token }) => {
  const session = await import("/session.mjs");
  session.configure({ endpoint, pool });
  session.signIn(token);
  try {
    return (await session.whoAmI({ endpoint, pool }))[0];
  } catch (error) {
    return error.name;
  }
};
const signOut = async () => (await import("/session.mjs")).signOut();
const guest = { ...settings, token: undefined };

test("the program runs in a page, with the warning that the page tells of", async () => {
  const printed = [];
  const page = await site.open("/", (text) => printed.push(text));
  await page.waitForFunction(() => document.body.textContent.includes("User/"));
  const shown = await page.textContent("body");
  assert.match(shown, /^guest us-east-1:\S+ \S+Guest\/\w+user us-east-1:\S+ \S+User\/\w+$/);
  assert.match(printed.join(), /You are using a custom Amazon Amazon Cognito Identity Pool endpoint/);
  await page.close();
});

test("a guest is remembered, and stays the same identity at the first sign-in", async () => {
  const page = await site.open("/blank");
  const id = await page.evaluate(who, guest);
  assert.match(id, /^us-east-1:/);
  assert.equal(await kept(page), id);
  await page.reload();
  assert.equal(await page.evaluate(who, guest), id);

  const bob = { ...settings, token: await tokenOf("amplify-bob") };
  assert.equal(await page.evaluate(who, bob), id);
  assert.equal(await kept(page), null);

  await page.evaluate(signOut);
  const next = await page.evaluate(who, guest);
  assert.match(next, /^us-east-1:/);
  assert.notEqual(next, id);
  assert.equal(await page.evaluate(who, bob), id, "the user has an identity already");
  await page.close();
});

test("an identity that the server lost is refused until it is cleared", async () => {
  const page = await site.open("/blank");
  const id = await page.evaluate(who, guest);
  await lose(id);
  await page.reload();
  assert.equal(await page.evaluate(who, guest), "ResourceNotFoundException");
  await page.reload();
  await page.evaluate(signOut);
  assert.equal(await kept(page), id, "cleared before the first session");
  assert.equal(await page.evaluate(who, guest), "ResourceNotFoundException");
  await page.evaluate(signOut);
  assert.equal(await kept(page), null);
  const next = await page.evaluate(who, guest);
  assert.match(next, /^us-east-1:/);
  assert.notEqual(next, id);
});

test("a new user of the user pool gets credentials in a page", async () => {
  const page = await site.open("/blank");
  const { identityId, credentials, tokens } = await page.evaluate(async ({ endpoint }) => {
    const { configure, newUser } = await import("/user-pool.mjs");
    configure({ endpoint });
    return newUser({ email: "web@example.com", password: "Secret-123", code: async () => "123456" });
  }, settings);
  assert.match(identityId, /^us-east-1:/);
  assert.equal(tokens.idToken.payload.email, "web@example.com");
  assert.match(credentials.accessKeyId, /^ASIA/);
  await page.close();
});
