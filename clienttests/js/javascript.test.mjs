// What docs/clients/javascript.md tells about remembered identities, with its own programs.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { app, lose, program, settings, tokenOf } from "./pages.mjs";

const site = await app("page.mjs", "identity.mjs", "sign-out.mjs");
after(() => site.close());

const lines = /guest (us-east-1:\S+) \S+Guest\/\w+user (us-east-1:\S+) \S+User\/\w+/;

// shown opens the page and returns the IDs of the guest and the user that it shows.
async function shown() {
  const page = await site.open("/");
  await page.waitForFunction(() => document.body.textContent.includes("User/"));
  const [, guest, user] = (await page.textContent("body")).match(lines);
  await page.close();
  return { guest, user };
}

// remembered returns the IDs that the SDK keeps in the browser, by the end of their key.
async function remembered(page) {
  const rows = await page.evaluate(() => new Promise((resolve, reject) => {
    const request = indexedDB.open("aws:cognito-identity-ids");
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const database = request.result;
      if (!database.objectStoreNames.contains("IdentityIds")) { database.close(); resolve([]); return; }
      const all = database.transaction("IdentityIds").objectStore("IdentityIds").getAll();
      all.onsuccess = () => { database.close(); resolve(all.result); };
    };
  }));
  const prefix = `aws:cognito-identity-credentials:${settings.pool}:`;
  return Object.fromEntries(rows.map(({ id, value }) => [id.replace(prefix, ""), value]));
}

// signIn runs in the browser: it returns the identity, or the name of the error.
const signIn = async ({ logins, user, endpoint, pool }) => {
  const identity = await import("/identity.mjs");
  try {
    return (await identity.whoAmI({ endpoint, pool }, identity.signIn({ endpoint, pool, logins, user })))[0];
  } catch (error) {
    return error.name;
  }
};

test("a page remembers a guest, and a user with a userIdentifier", async () => {
  const first = await shown();
  assert.notEqual(first.guest, first.user);
  assert.deepEqual(await shown(), first);
  const page = await site.open("/blank");
  assert.deepEqual(await remembered(page), { ANONYMOUS: first.guest, alice: first.user });

  const bob = { [settings.login]: await tokenOf("bob") };
  const id = await page.evaluate(signIn, { ...settings, logins: bob });
  assert.match(id, /^us-east-1:/);
  assert.equal(await page.evaluate(signIn, { ...settings, logins: bob }), id);
  assert.deepEqual(await remembered(page), { ANONYMOUS: first.guest, alice: first.user });
  assert.equal(await page.evaluate(signIn, { ...settings, logins: bob, user: "alice" }), "NotAuthorizedException");
});

test("an identity that the server lost is refused once", async () => {
  const { guest } = await shown();
  await lose(guest);
  const page = await site.open("/blank");
  assert.equal(await page.evaluate(signIn, settings), "ResourceNotFoundException");
  const next = await page.evaluate(signIn, settings);
  assert.match(next, /^us-east-1:/);
  assert.notEqual(next, guest);
});

test("the page's sign-out forgets all identities", async () => {
  const { guest } = await shown();
  const page = await site.open("/blank");
  await page.evaluate(async () => (await import("/sign-out.mjs")).forgetIdentities());
  assert.deepEqual(await remembered(page), {});
  assert.notEqual((await shown()).guest, guest);
});

test("Node remembers a guest in memory", async () => {
  const identity = await import(program("identity.mjs"));
  const [first] = await identity.whoAmI(settings, identity.signIn(settings));
  const [second] = await identity.whoAmI(settings, identity.signIn(settings));
  assert.equal(first, second);
});
