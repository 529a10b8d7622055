// The accessible names of all that can be used on every page, as the browser tells them to screen readers. console-names.txt
// has them, so that a label that is lost is seen; UPDATE=true (the flag -update of the Go tests) writes that file.
import assert from "node:assert/strict";
import fs from "node:fs";
import test, { after } from "node:test";

import { ENDPOINT } from "./console-clients.mjs";
import { fill, without } from "./console-filled.mjs";
import { browser, open, signIn, views, visit } from "./console.mjs";

const file = new URL("console-names.txt", import.meta.url);

after(() => browser.close());

const routes = await fill();
const { page } = await open(ENDPOINT, views.wide);
const tree = await page.context().newCDPSession(page);

// Elements that only get the focus after a navigation, or to be scrolled, are not used.
const passive = new Set(["RootWebArea", "heading", "main", "region", "generic", "paragraph", "listitem", "alert", "status", "option",
  "MenuListOption"]);
const rooms = new Set(["listitem", "row", "group", "radiogroup", "region", "article", "navigation", "form", "tablist", "tabpanel", "dialog",
  "banner", "complementary", "main", "RootWebArea"]);

// steady replaces what is different at each run.
const steady = (name) => name
  .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "UUID")
  .replaceAll(new URL(ENDPOINT).host, "HOST")
  .replace(/us-east-1_\w{9}/g, "USERPOOL").replace(/\b[a-z0-9]{26}\b/g, "CLIENT").replace(/AKIA\w{16}/g, "KEY").replace(/\b[\w-]{43}\b/g, "KID")
  .replace(/\b\d{4}-\d\d-\d\d\b/g, "DATE").replace(/\b\d\d:\d\d(:\d\d)?\b/g, "TIME").replace(/\d[\d,.]*/g, "N")
  .replace(/\bN (s|min|h)\b/g, "AGO");

// usable returns role, name, address and surroundings of what can be used on the page.
async function usable() {
  const { nodes } = await tree.send("Accessibility.getFullAXTree");
  const known = new Map(nodes.map((node) => [node.nodeId, node]));
  const property = (node, name) => node.properties?.find((one) => one.name === name)?.value.value;
  const room = (node) => {
    let at = known.get(node.parentId);
    while (at && !rooms.has(at.role?.value)) at = known.get(at.parentId);
    return at?.nodeId;
  };

  return nodes.filter((node) => !node.ignored && property(node, "focusable") && !passive.has(node.role.value))
    .map((node) => ({ role: node.role.value, name: node.name?.value.trim() ?? "", url: property(node, "url") ?? "", room: room(node) }));
}

// unclear finds things without a name, and things of one place that are told apart by nothing.
function unclear(things) {
  const met = new Map();
  return things.flatMap(({ role, name, url, room }) => {
    if (name === "") return [`${role} has no name`];
    const key = `${room} ${role} ${name}`;
    const same = met.has(key) && met.get(key) !== url || met.has(key) && url === "";
    met.set(key, url);
    return same ? [`two of ${role} "${name}" are side by side`] : [];
  });
}

const found = new Map();
const collect = async (title) => {
  const things = await usable();
  assert.deepEqual(unclear(things), []);
  assert.ok(things.length > 3, `${things.length} things`);
  found.set(title, things.map(({ role, name }) => `${role} ${steady(name)}`));
};

test("every route has a page here", () => assert.deepEqual(without(routes), []));

test("what can be used has a name", async (t) => {
  await t.test("before a key", () => collect("before a key"));
  await signIn(page);
  for (const [title, route] of Object.entries(routes)) {
    await t.test(title, async () => {
      await visit(page, route);
      await collect(title);
    });
  }
});

test("the names are those of console-names.txt", () => {
  const frame = found.get("key").filter((line) => [...found.values()].slice(1).every((lines) => lines.includes(line)));
  const sections = [["every page with a key", frame], ...[...found].map(([title, lines], n) =>
    [title, n === 0 ? lines : lines.filter((line) => !frame.includes(line))])];
  const text = sections.map(([title, lines]) => `${title}:\n${lines.map((line) => `  ${line}\n`).join("")}`).join("\n");
  if (process.env.UPDATE === "true") fs.writeFileSync(file, text);
  assert.equal(text, fs.readFileSync(file, "utf8"), "update console-names.txt if the change is right: -update");
});

test("lost and equal names are found", async () => {
  await page.evaluate(() => {
    const main = document.querySelector("main");
    for (const name of ["", "Same", "Same"]) main.appendChild(document.createElement("button")).textContent = name;
  });
  assert.deepEqual(unclear(await usable()), ["button has no name", 'two of button "Same" are side by side']);
  await page.context().close();
});
