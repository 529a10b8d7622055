import type { Poolhouse, PoolhouseOptions } from "./index.js";

/**
 * Starts a server for the tests of a file, or of a describe block, and puts its address and keys into
 * process.env, where AWS SDKs find them. Each test begins with the server as it started. A test that
 * fails shows the server's last calls. Use what it returns in tests and hooks only.
 */
export function usePoolhouse(options?: PoolhouseOptions): Poolhouse;
