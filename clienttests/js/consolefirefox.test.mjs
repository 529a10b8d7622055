// A walk through the console in Firefox, by WebDriver BiDi: a key, every page, and a guest in the playground. Firefox must
// complain of nothing on the way.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import test, { after } from "node:test";

import { ENDPOINT } from "./console-clients.mjs";
import { fill, without } from "./console-filled.mjs";

// start runs Firefox with a new profile, and returns the address at which it listens for commands.
async function start() {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "firefox-"));
  const firefox = spawn(process.env.POOLHOUSE_FIREFOX, ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"],
    { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, HOME: profile } });
  after(async () => {
    const ended = once(firefox, "exit");
    if (firefox.exitCode === null && firefox.kill()) await ended;
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });

  const printed = [];
  for await (const line of readline.createInterface({ input: firefox.stderr })) {
    printed.push(line);
    const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
    if (address) {
      firefox.stderr.resume();
      return address;
    }
  }
  throw new Error(`Firefox ended:\n${printed.join("\n")}`);
}

// connect returns a function that carries out a command, and gives what Firefox reports to told.
async function connect(address, told) {
  const socket = new WebSocket(`${address}/session`);
  const waiting = new Map();
  socket.addEventListener("message", ({ data }) => {
    const { id, type, result, error, message, method, params } = JSON.parse(data);
    if (type === "event") return told(method, params);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    return type === "success" ? resolve(result) : reject(new Error(`${error}: ${message}`));
  });
  await once(socket, "open");
  after(() => socket.close());

  let last = 0;
  return (method, params = {}) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    socket.send(JSON.stringify({ id: last, method, params }));
  });
}

const reports = [];
const send = await connect(await start(), (method, { level, text, source, type }) => {
  // A violation of the policy is an error of the console, too; a refused call is none.
  if (method === "log.entryAdded" && level === "error") reports.push(`${type} ${source?.context ? "" : "?"}: ${text}`);
});
await send("session.new", { capabilities: {} });
await send("session.subscribe", { events: ["log.entryAdded"] });
const { contexts: [{ context }] } = await send("browsingContext.getTree");

// run evaluates a function in the page.
async function run(of, ...given) {
  const { type, result, exceptionDetails } = await send("script.callFunction", {
    functionDeclaration: String(of), awaitPromise: true, target: { context },
    arguments: given.map((value) => ({ type: "string", value })) });
  if (type === "exception") throw new Error(exceptionDetails.text);
  return result.value;
}

// until waits for an element with a text.
const until = (selector, text) => run(async (selector, text) => {
  const end = Date.now() + 20_000;
  while (![...document.querySelectorAll(selector)].some((one) => one.textContent.includes(text))) {
    if (Date.now() > end) throw new Error(`no ${selector} has "${text}": ${document.querySelector("main")?.innerText}`);
    await new Promise(requestAnimationFrame);
  }
}, selector, text);

// press uses the mouse, as a person does.
async function press(selector, text) {
  await until(selector, text);
  const place = await run((selector, text) => {
    const one = [...document.querySelectorAll(selector)].find((one) => one.textContent.includes(text));
    one.scrollIntoView({ block: "center" });
    const { x, y, width, height } = one.getBoundingClientRect();
    return JSON.stringify([Math.round(x + width / 2), Math.round(y + height / 2)]);
  }, selector, text);
  const [x, y] = JSON.parse(place);
  await send("input.performActions", { context, actions: [{ type: "pointer", id: "mouse", actions: [
    { type: "pointerMove", x, y }, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }] }] });
}

// visit goes to a route, and waits until its page waits for nothing.
async function visit(route) {
  await run((route) => { location.hash = route; }, route);
  await run(async () => {
    const end = Date.now() + 20_000;
    let calm = 0;
    while (calm < 15) {
      await new Promise(requestAnimationFrame);
      calm = document.querySelector("main h1") && !document.querySelector('[aria-busy="true"]') ? calm + 1 : 0;
      if (Date.now() > end) throw new Error("the page does not rest");
    }
  });
}

const nothing = () => assert.deepEqual(reports.splice(0), []);
const routes = await fill();

test("every route has a page here", () => assert.deepEqual(without(routes), []));

test("a key", async () => {
  await send("browsingContext.navigate", { context, url: `${ENDPOINT}/console/`, wait: "complete" });
  await run(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => window.violations.push(`${violatedDirective} ${blockedURI}`));
  });
  await press("button", "Use the development key");
  await until("header .who", "test");
  nothing();
});

test("every page", async (t) => {
  for (const [title, route] of Object.entries(routes)) {
    await t.test(title, async () => {
      await visit(route);
      assert.notEqual(await run(() => document.querySelector("main h1").textContent.trim()), "");
      assert.equal(await run(() => window.violations.join()), "");
      nothing();
    });
  }
});

test("a guest in the playground", async () => {
  await visit(routes.playground);
  await press("main label", "A guest");
  await press("main button", "Run all steps");
  await until("main [role=status]", "The sign-in works: all");
  assert.equal(await run(() => window.violations.join()), "");
  nothing();
});

test("planted faults are found", async () => {
  await run(() => { setTimeout(() => { throw new Error("planted"); }); document.querySelector("main h1").setAttribute("style", "color: red"); });
  await run(() => new Promise((done) => setTimeout(done, 200)));
  assert.match(await run(() => window.violations.join()), /style-src/);
  assert.ok(reports.some((text) => text.includes("planted")), reports.join("\n"));
});
