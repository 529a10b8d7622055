// Texts that somebody may choose to harm those who look at them, and the faults of a page that shows them wrongly.

import { ENDPOINT } from "./console-clients.mjs";
import { faultsOf, open } from "./console.mjs";

// Scripts tell of themselves in window.ran, or by a dialog.
const script = "<img src=x onerror=\"window.ran='img';alert(1)\"><script>window.ran='script'</script></script>";
export const hostile = {
  markup: script,
  attribute: "\" onfocus=\"window.ran='attribute'\" autofocus x=\"",
  bidi: "invoice\u202Efdp.exe\u2066\u2069",
  "zero width": "ad\u200Bmin\u200D\uFEFF\u2060",
  control: "a\u0001b\u0007\u001B[31mred\u007F\u0085",
  tags: "x\u{E0041}\u{E0042}",
  lines: "first\u2028second\u2029third",
  long: "W".repeat(128),
  "script address": "javascript:window.ran='address'",
  "data address": "data:text/html,<script>parent.ran='data'</script>",
  formula: "=1+1",
  template: "{{7*7}}${7*7}",
  prototype: "__proto__",
  constructor: "constructor",
};

// The plain texts are those that also stricter alphabets have.
export const plain = {
  ...hostile, "plain address": "javascript:alert", "plain long": "W".repeat(64), "short address": "javascript.alert", dots: "....", dash: "--help" };

// textFaults returns what a page does with the texts of others that it must not do.
export function textFaults(page) {
  return page.evaluate(() => {
    const faults = [];
    const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;
    if (window.ran !== undefined) faults.push(`script: ${window.ran}`);
    if (hidden.test(document.title)) faults.push(`hidden character: title: ${document.title}`);

    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode())
      if (hidden.test(node.data)) faults.push(`hidden character: ${node.parentElement.tagName} ${JSON.stringify(node.data.slice(0, 80))}`);

    for (const one of document.querySelectorAll("*")) {
      for (const { name, value } of one.attributes) {
        if (/^(title|alt|placeholder|label|aria-.*)$/.test(name) && hidden.test(value)) faults.push(`hidden character: ${one.tagName} ${name}`);
        if (/^on/.test(name)) faults.push(`script: ${one.tagName} ${name}`);
        if (/^(href|src|action|formaction|data|xlink:href)$/.test(name) && !(one.closest("svg") && value.startsWith("#"))) {
          const { protocol, origin } = new URL(value, location.href);
          if (protocol !== "https:" && origin !== location.origin) faults.push(`link: ${value.slice(0, 80)}`);
        }
      }
      if (/^(IFRAME|OBJECT|EMBED|FRAME|BASE)$/.test(one.tagName) || (one.tagName === "IMG" && !one.src.startsWith(location.origin))) faults.push(`element: ${one.tagName}`);
    }

    // A field has the text as it is, so its escapes stand beside it.
    for (const one of document.querySelectorAll("main :is(input, textarea)"))
      if (hidden.test(one.value) && !one.closest("li, .field")?.innerText.includes("\\u{")) faults.push(`hidden character: ${one.tagName} value`);

    return [...new Set(faults)];
  });
}

// taken has, of each place, the texts that the server takes there.
export const taken = {};

// offer tries every text at a place. What the server refuses cannot be shown.
export async function offer(place, texts, make) {
  taken[place] = [];
  for (const [kind, text] of Object.entries(texts)) {
    const made = await make(text, kind).then((value) => ({ value }), (error) => {
      const status = error.$metadata?.httpStatusCode ?? error.statusCode ?? /^[\w-]+: (\d{3}) /.exec(error.message)?.[1];
      if (status >= 400 && status < 500) return null;
      throw error;
    });
    if (made) taken[place].push({ kind, text, value: made.value });
  }
}

// route returns the address of a page.
export const route = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");

// watched shows the console, and tells of every dialog and of every page that another one opens.
export async function watched(view) {
  const shown = await open(ENDPOINT, view);
  shown.page.on("dialog", (dialog) => { shown.reports.push(`script: dialog ${dialog.message()}`); void dialog.dismiss(); });
  shown.page.on("popup", (page) => shown.reports.push(`script: a page ${page.url()}`));
  return shown;
}

// faultsIn returns all that is wrong with the page as it is shown.
export const faultsIn = async (shown) => [...await textFaults(shown.page), ...await faultsOf(shown)];

// narrowFaults returns what is wrong but for what axe finds, which does not depend on the text.
export async function narrowFaults({ page, reports, view }) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  const over = wide > view.viewport.width ? [`overflow: ${wide} px`] : [];
  return [...await textFaults(page), ...over, ...reports.splice(0)];
}
