#!/usr/bin/env node
// Runs the program of this platform in place of itself: with its outputs, signals and exit status.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";

import { binary } from "../binary.js";

const shells = new Set(["sh", "dash", "bash", "ash", "busybox", "zsh"]);

let program;
try {
  program = binary();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

const { POOLHOUSE_BINARY: _, ...env } = process.env; // the program knows its own settings only
const given = process.argv.slice(2);
const isServer = given[0] === "dev" && (given.length === 1 || given[1].startsWith("-"));
// A server ends with this process, however that ends: the system closes the pipe.
const held = isServer && !given.includes("--exit-with-parent");
const child = spawn(program, held ? [...given, "--exit-with-parent"] : given,
  { stdio: [held ? "pipe" : "inherit", "inherit", "inherit"], env });
// The terminal sends SIGINT to both: a second one would stop a server without its orderly end.
process.on("SIGINT", () => {
  if (!process.stdin.isTTY) child.kill("SIGINT");
});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));

// npx passes no signal on: a program that ends npx means the server, too.
if (process.env.npm_command === "exec") {
  const launchers = npx();
  const watch = setInterval(() => {
    if (npx() === launchers) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, 200);
  watch.unref();
}

// npx returns the IDs of the processes between npx and this one: npx alone, or a shell and npx. Linux
// tells of the shell; that of macOS puts the program in its own place.
function npx() {
  const parent = process.ppid;
  try {
    const [, name, rest] = /^\d+ \((.*)\) (.*)/s.exec(readFileSync(`/proc/${parent}/stat`, "utf8"));
    return shells.has(name) ? `${parent} ${rest.split(" ")[1]}` : `${parent}`;
  } catch {
    return `${parent}`; // no Linux, or the parent has just ended
  }
}

child.on("error", (error) => {
  console.error(`poolhouse: ${program} cannot be run: ${error.message}`);
  process.exit(1);
});
child.on("exit", (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
