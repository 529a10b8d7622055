import { afterAll, beforeAll, beforeEach } from "vitest";

import { Poolhouse } from "./index.js";
import { printCalls, putEnvironment } from "./hooks.js";

/**
 * Starts a server for the tests of a file, or of a describe block, and puts its address and keys into
 * process.env, where AWS SDKs find them. Each test begins with the server as it started. A test that
 * fails shows the server's last calls.
 */
export function usePoolhouse(options) {
  const poolhouse = new Poolhouse(options);
  let restore = () => {};

  beforeAll(async () => {
    await poolhouse.start();
    restore = putEnvironment(poolhouse.environment);
  });
  afterAll(async () => {
    restore();
    await poolhouse.stop();
  });
  beforeEach(async ({ onTestFailed }) => {
    await poolhouse.reset();
    onTestFailed(() => printCalls(poolhouse, console.error));
  });

  return poolhouse;
}
