import type { TestEnvironment } from "jest-environment-node";
import type { Poolhouse } from "./index.js";

declare global {
  /** The server of the test file, with the test environment `poolhouse/jest`. */
  var poolhouse: Poolhouse;
}

/** A test environment of Jest: Node's, and a server for each test file. */
declare const PoolhouseEnvironment: typeof TestEnvironment;
export default PoolhouseEnvironment;
