// Explain under a flood of refusals: it stays quick, it stands still while it is read, and it asks for nothing while it is
// paused. A made server lists 2,000 refusals a second; the real one lists what this machine can make it refuse.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { CreateIdentityPoolCommand } from "@aws-sdk/client-cognito-identity";

import { ENDPOINT, send } from "./console-clients.mjs";
import { browser, open, picture, signIn, views, visit } from "./console.mjs";

const RATE = 2000; // refusals a second
const KEPT = 1000; // how many the made server keeps
const ROWS = 500;
const reasons = ["token-audience", "token-expiry", "login-provider", "guest-access", "role-mapping-no-role"];

after(() => browser.close());

// madeOf returns the n-th refusal of the made server: no two are equal, so that none folds.
const madeOf = (n, at) => ({
  RequestId: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`, Time: at, Operation: "GetId",
  Outcome: "NotAuthorizedException", Reason: reasons[n % reasons.length], Region: "us-east-1",
  IdentityPoolId: `us-east-1:00000000-0000-4000-8000-${String(n % 7).padStart(12, "0")}`, ProviderName: "accounts.google.com",
  Client: `client-${n}`, Node: "made",
});

// feed answers ListRefusals of a page. made is how many refusals there are; asked counts the calls.
async function feed(page) {
  const made = { count: 3, asked: 0, listed: 0 };
  const began = Math.floor(Date.now() / 1000);
  let more = () => undefined;

  await page.route("**/*", async (route) => {
    if (route.request().headers()["x-amz-target"] !== "PoolhouseAdmin.ListRefusals") return route.fallback();
    made.asked++;
    const { After, MaxResults, WaitSeconds } = route.request().postDataJSON();
    // One open call waits for more, as at the server.
    if (After && WaitSeconds > 0 && Number(After) === made.count) await new Promise((done) => { more = done; });

    const from = After === undefined ? Math.max(0, made.count - MaxResults) : Math.max(Number(After), made.count - KEPT);
    const to = Math.min(made.count, from + MaxResults);
    const Refusals = Array.from({ length: to - from }, (_, n) => madeOf(from + n, began + (from + n) / RATE));
    made.listed += Refusals.length;
    await route.fulfill({ json: { Refusals, Next: String(to), Skipped: After === undefined ? 0 : from - Number(After), KeptSince: began } })
      .catch(() => undefined); // the page has given the call up
  });

  made.add = (count) => { made.count += count; more(); };
  made.flood = async (seconds) => {
    const start = performance.now();
    const first = made.count;
    for (let gone = 0; gone < seconds; gone = (performance.now() - start) / 1000) {
      made.add(Math.min(RATE * seconds, Math.floor(gone * RATE)) - (made.count - first));
      await new Promise((done) => setTimeout(done, 10));
    }
    made.add(RATE * seconds - (made.count - first));
  };
  return made;
}

async function explain(view = views.wide, fake = false) {
  const shown = await open(ENDPOINT, view);
  if (fake) await shown.page.clock.install();
  await signIn(shown.page);
  const made = await feed(shown.page);
  await visit(shown.page, "#/explain");
  await shown.page.locator("[data-refusals] li").first().waitFor();
  return { ...shown, made };
}

// watch measures the frames of a page, and its long tasks, until the returned function is called.
async function watch(page) {
  await page.evaluate(() => {
    const found = { frames: [], tasks: [], rows: 0 };
    const tasks = new PerformanceObserver((list) => found.tasks.push(...list.getEntries().map((one) => one.duration)));
    tasks.observe({ type: "longtask" });
    let last = performance.now();
    const frame = (now) => {
      found.frames.push(now - last);
      found.rows = Math.max(found.rows, document.querySelectorAll("[data-refusals] li").length);
      last = now;
      if (!window.measured) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    window.end = () => { window.measured = true; tasks.disconnect(); return found; };
  });
  return async () => {
    const { frames, tasks, rows } = await page.evaluate(() => window.end());
    const sorted = frames.slice(1).sort((a, b) => a - b);
    return { frames: sorted.length, p50: sorted[Math.floor(sorted.length * 0.5)], p99: sorted[Math.floor(sorted.length * 0.99)],
      longest: sorted.at(-1), tasks: tasks.map(Math.round), rows };
  };
}

// counted returns how many refusals the page says that there were: those that it listed, and those that it left out.
const counted = (page) => page.locator('section[aria-label="Refusals"]').evaluate((part) => {
  const number = (text) => Number((text ?? "0").replaceAll(",", ""));
  const text = part.innerText;
  return number(/([\d,]+) refusals?, newest/.exec(text)?.[1]) + number(/([\d,]+) more in this time/.exec(text)?.[1]);
});

const until = async (page, want) => {
  await page.waitForFunction((want) => {
    const text = document.querySelector('section[aria-label="Refusals"]').innerText;
    const number = (found) => Number((found?.[1] ?? "0").replaceAll(",", ""));
    return number(/([\d,]+) refusals?, newest/.exec(text)) + number(/([\d,]+) more in this time/.exec(text)) === want;
  }, want, { timeout: 60_000 }).catch(async () => assert.fail(`the page counts ${await counted(page)} of ${want}`));
};

const sum = (list) => list.reduce((a, b) => a + b, 0);

function quick(found, t) {
  t.diagnostic(JSON.stringify(found));
  assert.ok(found.frames > 10, "too few frames to judge");
  // The aim is 34 ms and no long task; machines that run other tests at the same time are slower.
  assert.ok(found.p99 <= 500, `p99 of the frames: ${found.p99} ms`);
  assert.ok(sum(found.tasks) <= 2500, `long tasks: ${found.tasks}`);
}

for (const [name, view] of Object.entries(views)) {
  test(`2,000 refusals a second for 5 s, ${name}`, async (t) => {
    const { page, made, reports, close } = await explain(view);
    const end = await watch(page);
    await made.flood(5);
    const found = await end();
    quick(found, t);
    assert.ok(found.rows > 100 && found.rows <= ROWS, `${found.rows} rows`);

    // Nothing is lost without a word: what is not listed is counted.
    await until(page, made.count);
    assert.ok(await page.locator("[data-refusals] li").count() <= ROWS);
    await picture(page, `stream-${name}`);
    assert.deepEqual(reports, []);
    await close();
  });
}

// The measure must find a page that is slow.
test("a long task is found", async () => {
  const { page, close } = await explain();
  const end = await watch(page);
  await page.evaluate(() => new Promise((done) => {
    let left = 40;
    const turn = () => {
      const start = performance.now();
      while (performance.now() - start < 120);
      if (left-- > 0) requestAnimationFrame(turn); else done();
    };
    requestAnimationFrame(turn);
  }));
  const found = await end();
  assert.ok(found.p99 > 100 && sum(found.tasks) > 1000, JSON.stringify(found));
  await close();
});

test("as many refused calls as this machine makes", async (t) => {
  const { IdentityPoolId } = await send(CreateIdentityPoolCommand, { IdentityPoolName: "flood", AllowUnauthenticatedIdentities: false });
  const { page, reports, close } = await open(ENDPOINT);
  await signIn(page);
  await visit(page, "#/explain");
  await page.getByRole("button", { name: "Live" }).waitFor();
  await page.locator("[data-refusals], .card:has-text('No refusals yet')").first().waitFor();
  const before = await counted(page);

  let sent = 0;
  const refuse = async () => {
    const answer = await fetch(`${ENDPOINT}/`, { method: "POST", body: JSON.stringify({ IdentityPoolId }), headers: {
      "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSCognitoIdentityService.GetId", "User-Agent": `app-${sent++}/1` } });
    assert.equal(answer.status, 400, await answer.text());
    await answer.arrayBuffer().catch(() => undefined);
  };
  const end = await watch(page);
  const start = performance.now();
  await Promise.all(Array.from({ length: 8 }, async () => { while (performance.now() - start < 3000) await refuse(); }));
  const seconds = (performance.now() - start) / 1000;
  const found = await end();
  t.diagnostic(`${Math.round(sent / seconds)} refused calls a second`);
  quick(found, t);
  await until(page, before + sent);
  assert.ok(await page.locator("[data-refusals] li").count() <= ROWS);
  assert.deepEqual(reports, []);
  await close();
});

test("the list does not move while it is read", async (t) => {
  const { page, made, close } = await explain();
  const list = page.locator("[data-refusals]");
  const places = () => list.evaluate((one) => [one, ...one.querySelectorAll("a")].map((row) => {
    const { x, y, width, height } = row.getBoundingClientRect();
    return [row.href ?? "", x, y, width, height];
  }));
  // moved tells what is not where it was, but for a part of a pixel.
  const moved = async (before) => {
    const now = await places();
    return now.length !== before.length ? `${before.length} rows are ${now.length}`
      : now.filter((row, n) => row.some((value, m) => m === 0 ? value !== before[n][0] : Math.abs(value - before[n][m]) >= 1));
  };
  const behind = page.getByRole("button", { name: /new refusals?: show them|new$/ });

  const readers = {
    hovered: [() => list.locator("a").nth(1).hover(), () => page.mouse.move(2, 2)],
    focused: [() => list.locator("a").nth(1).focus(), () => page.locator("[data-paste]").focus()],
  };
  for (const [name, [begin, end]] of Object.entries(readers)) {
    await t.test(name, async () => {
      await begin();
      const before = await places();
      for (let n = 1; n <= 3; n++) {
        const listed = made.listed;
        made.add(100);
        await page.waitForFunction((n) => document.querySelector(".slot").innerText.includes(`${n * 100} new`), n);
        assert.equal(made.listed, listed + 100);
        assert.deepEqual(await moved(before), []);
      }
      await end();
      await page.waitForFunction((id) => document.querySelector("[data-refusals] a").href.includes(id), madeOf(made.count - 1).RequestId);
      assert.equal(await behind.count(), 0);
      assert.notDeepEqual(await moved(before), [], "the check finds no list that moved");
    });
  }

  await t.test("until its reader asks for the new ones", async () => {
    await list.locator("a").nth(1).focus();
    made.add(50);
    await page.getByRole("button", { name: /^50 new/ }).click();
    await page.waitForFunction((id) => document.querySelector("[data-refusals] a").href.includes(id), madeOf(made.count - 1).RequestId);
  });
  await close();
});

test("a paused list asks for nothing", async () => {
  const { page, made, close } = await explain(views.wide, true);
  const passed = async (seconds) => { for (let n = 0; n < seconds; n++) await page.clock.runFor(1000); };
  await passed(1);
  await page.getByRole("button", { name: "Live" }).click();
  const { asked, count } = made;
  made.add(100);
  await passed(120);
  assert.equal(made.asked, asked);
  assert.equal(await counted(page), count);

  // Live again, it asks, and lists what came meanwhile: the page of the test would notice a call.
  await page.getByRole("button", { name: "Live" }).click();
  await passed(2);
  await until(page, made.count);
  assert.ok(made.asked > asked);
  await close();
});

test("a reader of the screen hears of new refusals every 10 s at most", async () => {
  const { page, made, close } = await explain(views.wide, true);
  await page.evaluate(() => {
    window.heard = [];
    const status = document.querySelector('section[aria-label="Refusals"] [role="status"]');
    new MutationObserver(() => window.heard.push([Date.now(), status.textContent])).observe(status, { subtree: true, childList: true, characterData: true });
  });
  for (let n = 0; n < 45; n++) {
    made.add(40);
    await page.clock.runFor(1000);
  }
  const heard = await page.evaluate(() => window.heard);
  assert.ok(heard.length >= 2 && heard.length <= 5, JSON.stringify(heard));
  for (const [n, [at, text]] of heard.entries()) {
    assert.match(text, /^[\d,]+ new refusals?$/);
    if (n > 0) assert.ok(at - heard[n - 1][0] >= 10_000, JSON.stringify(heard));
  }
  await close();
});
