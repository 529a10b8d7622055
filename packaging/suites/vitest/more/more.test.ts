import { CognitoIdentityClient, ListIdentityPoolsCommand } from "@aws-sdk/client-cognito-identity";
import { usePoolhouse } from "poolhouse/vitest";
import { Poolhouse, PoolhouseError, startPoolhouse } from "poolhouse";
import type { Session } from "poolhouse";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, expect, test } from "vitest";

// The test runs with settings of a developer's own AWS account. Hooks that are first here are the last to run.
const own = { ...process.env };
afterAll(() => {
  expect(process.env.AWS_PROFILE).toBe("own");
  expect(process.env).toEqual(own);
});

const unstarted = () => poolhouse.endpoint;
const poolhouse: Poolhouse = usePoolhouse();
let early: unknown;
try {
  unstarted();
} catch (error) {
  early = error;
}

test("it says that it runs in tests only", () => {
  expect(String(early)).toMatch(/runs only once it is started/);
});

test("users and guests sign in", async () => {
  const sessions: Session[] = [await poolhouse.signIn("alice"), await poolhouse.signIn("bob"), await poolhouse.guest()];
  expect(new Set(sessions.map((one) => one.identityId)).size).toBe(3);
  expect((await poolhouse.signIn({ sub: "alice" })).identityId).toBe(sessions[0]!.identityId);
  const shown = inspect(sessions[0]) + JSON.stringify(sessions[0]);
  expect(shown).not.toMatch(/eyJ/);
  expect(shown).not.toContain(sessions[0]!.credentials.secretAccessKey);
  expect(sessions[2]!.credentials.expiration.getTime()).toBeGreaterThan(Date.now());

  const client = new CognitoIdentityClient(poolhouse.clientConfig);
  const pools = await client.send(new ListIdentityPoolsCommand({ MaxResults: 9 }));
  expect(pools.IdentityPools?.map((pool) => pool.IdentityPoolId)).toEqual([poolhouse.poolId]);
});

test("refusals have the error's name", async () => {
  const refusal = await poolhouse.signIn("alice", { expiresIn: -600 }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(PoolhouseError);
  expect(refusal).toMatchObject({ name: "NotAuthorizedException", status: 400 });
  await expect(poolhouse.signIn("")).rejects.toThrow(/whose token/);
  await expect(poolhouse.token("nobody")).rejects.toThrow(/no such user/);
  await expect(poolhouse.signIn("alice", { audience: "another-app" })).rejects.toThrow(/Incorrect token audience/);
});

test("the server is in the environment", () => {
  expect(process.env.AWS_ENDPOINT_URL_STS).toBe(poolhouse.endpoint);
  expect(process.env.POOLHOUSE_POOL_ID).toBe(poolhouse.poolId);
  expect(process.env.AWS_REGION).toBe(poolhouse.region);
});

test("the developer's own account is not used", async () => {
  const pools = await new CognitoIdentityClient({}).send(new ListIdentityPoolsCommand({ MaxResults: 9 }));
  expect(pools.IdentityPools?.map((pool) => pool.IdentityPoolId)).toEqual([poolhouse.poolId]);
});

test("a test leaves something", async () => {
  await poolhouse.putUser("dora", { sub: "d-1", claims: { email: "dora@example.com" } });
  expect((await poolhouse.signIn("dora")).identityId).toBe((await poolhouse.signIn({ sub: "d-1" })).identityId);
  await poolhouse.fail({ operation: "*", error: "TooManyRequestsException" });
  await poolhouse.clock.advance(86_400);
});

test("the next one does not find it", async () => {
  expect(await poolhouse.calls()).toEqual([]);
  expect(await poolhouse.faults()).toEqual([]);
  expect(Math.abs((await poolhouse.clock.now()).getTime() - Date.now())).toBeLessThan(3_600_000);
  await expect(poolhouse.token("dora")).rejects.toThrow(/no such user/);
});

test("faults end", async () => {
  const { id } = await poolhouse.fail({ operation: "GetId", error: "InternalErrorException", after: 1 });
  await poolhouse.guest();
  await expect(poolhouse.guest()).rejects.toMatchObject({ name: "InternalErrorException" });
  expect((await poolhouse.faults()).map((fault) => fault.hits)).toEqual([1]);
  await poolhouse.endFault(id);
  await poolhouse.guest();
  await poolhouse.fail({ operation: "*", delayMs: 60_000 });
  await poolhouse.endFaults();
  await poolhouse.guest();
});

test("the clock moves", async () => {
  await poolhouse.clock.stop();
  await poolhouse.clock.set("2026-01-02T03:04:05Z");
  expect((await poolhouse.clock.now()).toISOString()).toBe("2026-01-02T03:04:05.000Z");
  expect((await poolhouse.clock.reset()).getTime()).toBeGreaterThan(Date.parse("2026-01-03"));
});

test("calls can be read and waited for", async () => {
  await poolhouse.guest();
  const calls = await poolhouse.calls();
  expect(calls.map((call) => call.operation)).toEqual(["GetId", "GetCredentialsForIdentity"]);
  expect(await poolhouse.waitForCall({ operation: "GetId", timeoutSeconds: 1 })).toMatchObject({ id: calls[0]!.id });
  await expect(poolhouse.waitForCall({ operation: "ListIdentities", timeoutSeconds: 1 })).rejects
    .toMatchObject({ status: 408 });
  await expect(poolhouse.signIn("alice", { expiresIn: -600 })).rejects.toThrow();
  const explained = await poolhouse.explain();
  expect(explained).toMatch(/GetId 400 NotAuthorizedException[^]*\n  refused .*: expected .*; got /);
  expect(explained).toMatch(/\n  reason: token-expiry$/);
});

test("keys, codes and SAML", async () => {
  expect(await poolhouse.rotateKey()).not.toBe(await poolhouse.rotateKey());
  expect(await poolhouse.codes()).toEqual([]);
  expect(await poolhouse.samlResponse({ nameId: "alice" })).toHaveProperty("saml_response");
  await poolhouse.putUser("ed");
  await poolhouse.deleteUser("ed");
  await expect(poolhouse.token("ed")).rejects.toThrow(/no such user/);
});

test("seeds", async () => {
  await poolhouse.seed({ Users: { ed: {} } });
  await poolhouse.signIn("ed");
  const file = join(mkdtempSync(join(tmpdir(), "seed-")), "seed.yaml");
  writeFileSync(file, "Resources:\n  Second:\n    Type: AWS::Cognito::IdentityPool\n    Properties: "
    + "{IdentityPoolName: second, AllowUnauthenticatedIdentities: true}\n");
  await poolhouse.seed(file);
  expect(poolhouse.pools.map((pool) => pool.name).sort()).toEqual(["PoolhouseDemo", "second"]);
  expect(() => poolhouse.poolId).toThrow(/there are 2 pools/);
  await poolhouse.reset({ empty: true });
  expect(poolhouse.pools).toEqual([]);
});

test("a server of one's own", async () => {
  const other = await startPoolhouse({ demo: false, env: { ...process.env, POOLHOUSE_LISTEN: "nonsense" } });
  expect(other.pools).toEqual([]);
  await other.stop();
  await other.stop();
  await expect(fetch(other.endpoint)).rejects.toThrow();
  await expect(startPoolhouse({ seed: "gone.yaml" })).rejects.toThrow(/did not start[^]*gone\.yaml/);
});

test("a server that has ended says so", async () => {
  const children = () => execFileSync("ps", ["--ppid", String(process.pid), "-o", "pid=,comm="], { encoding: "utf8" })
    .split("\n").filter((line) => line.endsWith(" poolhouse")).map((line) => parseInt(line));
  const before = children();
  const server = await startPoolhouse();
  const pid = children().find((child) => !before.includes(child));
  process.kill(pid!, "SIGKILL");
  await expect(server.calls()).rejects.toThrow("poolhouse dev has ended with SIGKILL:\n");
  await server.stop();
  await expect(server.calls()).rejects.toThrow("it is stopped");
});
