// What stands between a page of the console and the server: answers that wait, fail, or never come.
import { EventEmitter, once } from "node:events";

// target is the operation that a request of the page calls; "" if it calls none of the APIs of JSON.
const target = (request) => (request.headers()["x-amz-target"] ?? "").split(".").pop();

// answers decides about the calls of a page. Make it before the page is opened at a route.
export async function answers(page, endpoint) {
  const rules = new Map();
  const held = [];
  const passing = new Set(); // requests that the server answers soon
  const arrivals = new EventEmitter();
  const ended = (request) => { if (passing.delete(request)) arrivals.emit("ended"); };
  page.on("requestfinished", ended);
  page.on("requestfailed", ended);

  // follow gives a call the answer that a rule wants.
  function follow(rule, { route, operation }) {
    if (rule === "hold") {
      held.push({ route, operation });
      return arrivals.emit("held");
    }
    if (rule === "gone") return route.abort("connectionrefused");
    if (rule === "broken") return route.fulfill({ status: 500, contentType: "application/x-amz-json-1.1",
      headers: { "x-amzn-requestid": "00000000-0000-4000-8000-000000000500" },
      body: JSON.stringify({ __type: "InternalErrorException", message: "The service had an internal error." }) });
    if (!/"WaitSeconds":[1-9]/.test(route.request().postData() ?? "")) passing.add(route.request());
    return route.continue();
  }

  await page.route(`${endpoint}/`, async (route) => {
    const operation = target(route.request());
    await follow(rules.get(operation) ?? rules.get("*"), { route, operation });
  });

  return {
    // set makes calls of operations (all, without any) wait ("hold"), reach nobody ("gone") or fail ("broken"), also those
    // that wait already.
    async set(rule, ...operations) {
      for (const one of operations.length ? operations : ["*"]) rules.set(one, rule);
      const waited = held.splice(0);
      await Promise.all(waited.map((one) => Promise.resolve(follow(rules.get(one.operation) ?? rules.get("*"), one)).catch(() => undefined)));
    },
    // free lets all calls pass, also those that wait.
    async free() {
      rules.clear();
      await Promise.all(held.splice(0).map(({ route }) => route.continue().catch(() => undefined))); // cancelled ones are gone
    },
    // holds waits until a call of the operation waits, and no other: time that is made to pass would end those as well.
    async holds(operation) {
      const signal = AbortSignal.timeout(20_000);
      while (!held.some((one) => one.operation === operation)) await once(arrivals, "held", { signal });
      while (passing.size > 0) await once(arrivals, "ended", { signal });
    },
  };
}

// endless takes away the time limit of the calls that begin from now on, as if a page waited for several calls one after
// another. Each of them ends by itself after 5 s.
export const endless = (page) => page.evaluate(() => { AbortSignal.timeout = () => new AbortController().signal; });
