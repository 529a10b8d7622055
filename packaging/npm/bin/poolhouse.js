#!/usr/bin/env node
// Runs the program of this platform in place of itself: with its outputs, signals and exit status.
import { spawn } from "node:child_process";
import { constants } from "node:os";

import { binary } from "../binary.js";

let program;
try {
  program = binary();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

const { POOLHOUSE_BINARY: _, ...env } = process.env; // the program knows its own settings only
const child = spawn(program, process.argv.slice(2), { stdio: "inherit", env });
// The terminal sends SIGINT to both: a second one would stop a server without its orderly end.
process.on("SIGINT", () => {
  if (!process.stdin.isTTY) child.kill("SIGINT");
});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));

child.on("error", (error) => {
  console.error(`poolhouse: ${program} cannot be run: ${error.message}`);
  process.exit(1);
});
child.on("exit", (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
