// What tests of the console need: a browser that has the development key, what the browser reports, and the checks of
// a page.
import fs from "node:fs";
import path from "node:path";

import { launch } from "./browser.mjs";

const axe = fs.readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

export const views = {
  wide: { viewport: { width: 1280, height: 860 }, colorScheme: "light" },
  narrow: { viewport: { width: 360, height: 780 }, colorScheme: "dark" },
};

export const browser = await launch([]);

// open shows the console to somebody new. reports has what the browser complains of: violations of the
// Content-Security-Policy and Trusted Types, errors of scripts, and of the console. A refused call is none of them.
// prepare gets the page before it loads anything.
export async function open(endpoint, view = views.wide, prepare = async () => undefined) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...view });
  const page = await context.newPage();
  await prepare(page);
  page.setDefaultTimeout(20_000);

  const reports = [];
  await page.exposeFunction("reportViolation", (text) => reports.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      window.reportViolation(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  page.on("pageerror", (error) => reports.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) reports.push(`console: ${message.text()}`);
  });

  await page.goto(`${endpoint}/console/`);
  await page.locator("main h1").first().waitFor();
  return { page, reports, view, close: () => context.close() };
}

// signIn uses the key of a development server.
export async function signIn(page) {
  await page.getByRole("button", { name: "Use the development key" }).click();
  await page.locator("header .who", { hasText: "test" }).waitFor();
  await settled(page);
}

// signInWith uses a key that the admin API made, or credentials of a session.
export async function signInWith(page, { id, secret, token = "" }) {
  await page.getByLabel("Access key ID").fill(id);
  await page.getByLabel("Secret access key").fill(secret);
  await page.getByLabel("Session token").fill(token);
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.locator("header .who", { hasText: id.slice(0, 8) }).waitFor();
  await settled(page);
}

// visit goes to a route, and waits until its page is there.
export async function visit(page, route) {
  await page.evaluate((hash) => { location.hash = hash; }, route);
  await settled(page);
}

// settled waits until the page has a heading, waits for nothing, and has not changed for a while.
export async function settled(page) {
  await page.locator("main h1").first().waitFor();
  await page.evaluate((quiet) => new Promise((done) => {
    let timer;
    const end = () => {
      if (document.querySelector('[aria-busy="true"]')) { timer = setTimeout(end, quiet); return; }
      watch.disconnect();
      done();
    };
    const watch = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(end, quiet); });
    watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    timer = setTimeout(end, quiet);
    setTimeout(() => { clearTimeout(timer); watch.disconnect(); done(); }, 8000); // a live page never rests
  }), 250);
}

const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// faultsOf returns what is wrong with the page as it is shown.
export async function faultsOf({ page, reports, view }) {
  if (!await page.evaluate(() => "axe" in window)) await page.evaluate(axe);
  const { violations } = await page.evaluate(async (values) => {
    // A bar that stays at the screen's edge lies over a control only until somebody scrolls.
    const bars = [...document.querySelectorAll("*")].filter((one) => getComputedStyle(one).position === "sticky");
    for (const bar of bars) bar.style.position = "static";
    const found = await window.axe.run(document, { runOnly: { type: "tag", values } });
    for (const bar of bars) bar.style.position = "";
    return found;
  }, tags);
  const faults = violations.map(({ id, help, nodes }) => `axe: ${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);

  // The window's width grows with its content where a phone is emulated, so the fixed one counts.
  const wide = await page.evaluate((width) => {
    if (document.documentElement.scrollWidth <= width) return "";
    const over = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > width + 1
      && !one.closest(".scroll, pre, [popover], .hidden"));
    return `overflow: ${document.documentElement.scrollWidth} px: ${over.slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(" | ")}`;
  }, view.viewport.width);
  if (wide) faults.push(wide);

  const names = await page.locator("main :is(button, a, input, select, textarea)").evaluateAll((all) => all
    .filter((one) => one.style.cssText !== "" && one.hasAttribute("style")).map((one) => one.outerHTML.slice(0, 120)));
  faults.push(...names.map((html) => `style attribute: ${html}`));

  return [...faults, ...reports.splice(0)];
}

// picture writes a screenshot into the folder that SCREENSHOTS names.
export async function picture(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (folder) await page.screenshot({ path: path.join(folder, `${name.replace(/[^\w-]+/g, "-")}.png`), fullPage: true });
}
