import { TestEnvironment } from "jest-environment-node";

import { Poolhouse } from "./index.js";
import { printCalls, putEnvironment } from "./hooks.js";

/**
 * A test environment of Jest: Node's, and a server for each test file. Tests find it as the global
 * `poolhouse`, and AWS SDKs find it by process.env. Each test begins with the server as it started. A
 * test that fails shows the server's last calls. Options: testEnvironmentOptions.poolhouse.
 */
export default class PoolhouseEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.poolhouse = new Poolhouse(config.projectConfig.testEnvironmentOptions.poolhouse);
  }

  async setup() {
    await super.setup();
    await this.poolhouse.start();
    this.global.poolhouse = this.poolhouse;
    putEnvironment(this.poolhouse.environment, this.global.process.env);
  }

  async teardown() {
    await this.poolhouse.stop();
    await super.teardown();
  }

  async handleTestEvent(event) {
    if (event.name === "test_start") await this.poolhouse.reset();
    if (event.name === "test_done" && event.test.errors.length > 0) {
      await printCalls(this.poolhouse, this.global.console.error);
    }
  }
}
