// Shows what the server has printed, and stops it, once the job's steps have ended.
import { readFileSync } from "node:fs";

const { STATE_pid: pid, STATE_log: log } = process.env;
if (log) {
  // What clients sent must not be taken for a command of the workflow.
  const token = `poolhouse-${crypto.randomUUID()}`;
  console.log("::group::Poolhouse: why it refused calls");
  console.log(`::stop-commands::${token}`);
  console.log(readFileSync(log, "utf8"));
  console.log(`::${token}::`);
  console.log("::endgroup::");
}
if (pid) {
  try {
    process.kill(Number(pid), "SIGTERM");
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // the server has ended before
  }
}
