// No test of anything: the first one fails, the other waits to be killed.
import { writeFileSync } from "node:fs";
import { usePoolhouse } from "poolhouse/vitest";
import { test } from "vitest";

const poolhouse = usePoolhouse();

test("fails", async () => {
  await poolhouse.signIn("alice", { expiresIn: -600 });
});

test("waits", async () => {
  writeFileSync(process.env.TOLD, `${poolhouse.endpoint} ${process.pid}\n`);
  await new Promise(() => setInterval(() => {}, 1000));
}, 600_000);
