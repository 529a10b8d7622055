// From an empty server to the first sign-in, as somebody goes who has never seen the console.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { ListIdentityPoolsCommand } from "@aws-sdk/client-cognito-identity";

import { dev, ENDPOINT, pools } from "./console-clients.mjs";
import { browser, faultsOf, open, picture, settled, signIn, views } from "./console.mjs";

after(() => browser.close());

for (const [name, view] of Object.entries(views)) {
  test(`the first sign-in, ${name}`, async (t) => {
    await dev("reset", { empty: true });
    const shown = await open(ENDPOINT, view);
    t.after(shown.close);
    const { page } = shown;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);

    let clicks = 0;
    const click = async (role, words) => {
      clicks++;
      await page.getByRole(role, { name: words }).first().click();
      await settled(page);
    };
    const looked = async (what) => {
      await picture(page, `newcomer-${name}-${what}`);
      await page.evaluate(() => scrollTo(0, 0)); // what the head hides half is no smaller for that
      assert.deepEqual(await faultsOf(shown), []);
    };

    await looked("key");
    await signIn(page);
    await looked("overview");
    await click("link", /^(Create|Make) (a|the first) pool$/);
    await click("radio", "Users who sign in, and guests");
    await click("button", "Next: Roles");
    await click("button", "Make a role that trusts this pool, for signed-in users");
    await click("button", "Make a role that trusts this pool, for guests");
    await click("button", "Next: Providers");
    await click("checkbox", /oidc-provider\/.*\/dev-issuer$/);
    await looked("providers");
    await click("button", "Next: Details");
    await page.getByLabel("Name", { exact: true }).fill("My first app");
    await click("button", "Next: Review");
    await looked("review");
    await click("button", "Create the pool");
    await page.getByRole("status").filter({ hasText: "The pool My first app is made." }).waitFor();
    await looked("made");

    await click("link", "Try in playground");
    const { IdentityPools: [pool] } = await pools.send(new ListIdentityPoolsCommand({ MaxResults: 10 }));
    assert.equal(await page.getByLabel("Identity pool").inputValue(), pool.IdentityPoolId);
    for (const who of ["A guest", "A made-up user"]) {
      await click("radio", who);
      await click("button", "Run all steps");
      const told = page.getByRole("status").filter({ hasText: "steps passed" });
      await told.waitFor();
      assert.match(await told.innerText(), /^The sign-in works: all \d steps passed\.$/);
      const titles = await page.getByRole("list", { name: "Steps of the sign-in" }).locator("> li h2").allInnerTexts();
      const caller = page.locator("li", { has: page.getByRole("heading", { name: /^GetCallerIdentity/ }) }).locator("dl");
      assert.match(await caller.innerText(), /My-first-app-(users|guests)/); // a second pool's roles have other names
      assert.ok(titles.length >= 3 && titles.every((text) => text.endsWith("Passed")), titles.join());
      await looked(who);
    }

    await page.locator("li", { has: page.getByRole("heading", { name: /^GetCredentialsForIdentity/ }) }).locator("summary", { hasText: /^Code$/ }).click();
    for (const language of ["CLI", "JavaScript", "Python", "Go", "Java"]) {
      await page.getByRole("tab", { name: language, exact: true }).click();
      await page.getByRole("button", { name: "Copy the code" }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      const text = await page.evaluate(() => navigator.clipboard.readText());
      assert.ok(text.includes(pool.IdentityPoolId) && /GetCredentialsForIdentity|get.credentials.for.identity/i.test(text), `${language}: ${text}`);
      await page.getByRole("button", { name: "Copied" }).waitFor({ state: "detached" });
    }
    await looked("code");
    assert.ok(clicks <= 16, `${clicks} clicks`);
  });
}
