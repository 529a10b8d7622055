import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";

import { binary } from "./binary.js";

export { binary };

const keptOutput = 64 * 1024; // characters of the server's output that an error shows
const stopTimeout = 10_000; // ms
const endTimeout = 1000; // ms, for the system to tell that a server has ended which no longer answers
const keptCalls = 1000; // by the server
const shownCalls = 20; // by explain

/** An answer of the server that is no success. */
export class PoolhouseError extends Error {
  constructor(message, { status, name }) {
    super(message);
    this.status = status;
    this.name = name ?? "PoolhouseError";
  }
}

/** A `poolhouse dev` in a process of its own, which ends with this one. */
export class Poolhouse {
  #options;
  #child;
  #ended;
  #output = "";
  #info;
  #ready;

  /** Starts nothing yet: call start. */
  constructor(options = {}) {
    this.#options = options;
  }

  /** Starts the server on a free port. It answers once the promise is fulfilled. */
  async start() {
    const { seed = [], demo = seed.length === 0, args = [], startTimeout = 30_000, env = process.env } = this.#options;
    const seeds = [seed].flat().flatMap((file) => ["--seed", String(file)]);
    const child = spawn(binary(), ["dev", "--memory", "--listen", "127.0.0.1:0", "--ready-file", "-",
      "--exit-with-parent", ...(demo ? ["--demo"] : []), ...seeds, ...args],
    { stdio: ["pipe", "pipe", "pipe"], windowsHide: true, env: withoutSettings(env) });
    this.#child = child;
    this.#output = "";

    child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#output = (this.#output + text).slice(-keptOutput);
    });
    child.stdin.on("error", () => {}); // the server has ended before
    this.#ended = new Promise((resolve) => child.once("close", resolve));
    const line = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => child.kill("SIGKILL"), startTimeout);
      child.once("error", reject);
      child.once("close", () => {
        clearTimeout(timer);
        reject(new Error(`poolhouse dev did not start:\n${this.#output}`));
      });
      createInterface({ input: child.stdout }).once("line", (text) => {
        clearTimeout(timer);
        resolve(text);
      });
    });

    // From here on the server alone keeps no test runner alive.
    for (const part of [child, child.stdin, child.stdout, child.stderr]) part.unref();
    this.#ready = JSON.parse(line);
    this.#info = await this.#control("GET", "info");
    return this;
  }

  /** Stops the server. It may be called at any time and more than once. */
  async stop() {
    const child = this.#child;
    if (!child) return;

    this.#child = undefined;
    for (const part of [child, child.stdout, child.stderr]) part.ref();
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeout);
    child.stdin.end();
    await this.#ended;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose]() {
    await this.stop();
  }

  get #running() {
    if (!this.#info) throw new Error("poolhouse: the server runs only once it is started: use it in a test or a hook");
    return this.#info;
  }

  get endpoint() {
    return this.#running.endpoint;
  }

  get region() {
    return this.#running.region;
  }

  get info() {
    return { ...this.#running };
  }

  get pools() {
    return this.#running && this.#ready.pools;
  }

  get poolId() {
    const { pools } = this;
    if (pools.length === 1) return pools[0].id;
    throw new Error(`poolhouse: there are ${pools.length} pools: choose one of poolhouse.pools`);
  }

  /** What the server has printed: why it refused calls, among others. */
  get output() {
    return this.#output;
  }

  get environment() {
    const { endpoint, region, access_key_id, secret_access_key } = this.#running;
    return {
      AWS_ENDPOINT_URL_COGNITO_IDENTITY: endpoint,
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: endpoint,
      AWS_ENDPOINT_URL_STS: endpoint,
      AWS_ENDPOINT_URL_IAM: endpoint,
      AWS_ACCESS_KEY_ID: access_key_id,
      AWS_SECRET_ACCESS_KEY: secret_access_key,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      ...(this.#ready.pools.length === 1 && { POOLHOUSE_POOL_ID: this.#ready.pools[0].id }),
    };
  }

  get clientConfig() {
    const { endpoint, region, access_key_id, secret_access_key } = this.#running;
    return { endpoint, region, credentials: { accessKeyId: access_key_id, secretAccessKey: secret_access_key } };
  }

  async token(user, { expiresIn, audience, claims } = {}) {
    if (!user) throw new TypeError('poolhouse: whose token? Give a user\'s name, or {sub: "…"} for anybody');
    const who = typeof user === "string" ? { user } : { sub: user.sub };
    const body = { ...who, expires_in: expiresIn, aud: audience, claims };
    return (await this.#control("POST", "token", body)).token;
  }

  async logins(user, options) {
    return { [this.#running.login_key]: await this.token(user, options) };
  }

  async signIn(user, { poolId = this.poolId, ...options } = {}) {
    return this.#session(poolId, await this.logins(user, options));
  }

  async guest({ poolId = this.poolId } = {}) {
    return this.#session(poolId, {});
  }

  async #session(poolId, logins) {
    const { IdentityId: identityId } = await this.#identity("GetId", { IdentityPoolId: poolId, Logins: logins });
    const { Credentials: keys } = await this.#identity("GetCredentialsForIdentity",
      { IdentityId: identityId, Logins: logins });
    const session = {
      identityId,
      logins,
      credentials: {
        accessKeyId: keys.AccessKeyId,
        secretAccessKey: keys.SecretKey,
        sessionToken: keys.SessionToken,
        expiration: new Date(keys.Expiration * 1000),
      },
    };
    // A failed assertion prints what it compares: no token, and no key.
    const withoutSecrets = { value: () => ({ identityId, accessKeyId: keys.AccessKeyId }) };
    return Object.defineProperties(session, { toJSON: withoutSecrets, [inspect.custom]: withoutSecrets });
  }

  async fail(fault) {
    return this.#control("POST", "faults", snake(fault));
  }

  async faults() {
    return (await this.#control("GET", "faults")).faults;
  }

  async endFault(id) {
    await this.#control("DELETE", `faults/${encodeURIComponent(id)}`);
  }

  async endFaults() {
    await this.#control("DELETE", "faults");
  }

  clock = {
    now: async () => new Date((await this.#control("GET", "clock")).now),
    advance: async (seconds) => new Date((await this.#control("PUT", "clock", { advance_seconds: seconds })).now),
    set: async (time) => new Date((await this.#control("PUT", "clock", { now: new Date(time).toISOString() })).now),
    skew: async (seconds) =>
      new Date((await this.#control("PUT", "clock", { advance_seconds: seconds, skewed: true })).now),
    stop: async () => new Date((await this.#control("PUT", "clock", { stopped: true })).now),
    reset: async () => new Date((await this.#control("DELETE", "clock")).now),
  };

  async reset({ empty } = {}) {
    this.#ready.pools = (await this.#control("POST", "reset", { empty })).pools;
  }

  async seed(seed) {
    const outcome = typeof seed === "string" || seed instanceof URL
      ? await this.#request("POST", "seed", await readFile(seed, "utf8"), "application/yaml")
      : await this.#control("POST", "seed", seed);
    this.#ready.pools = (await this.#control("GET", "pools")).pools;
    return outcome;
  }

  async samlResponse(options) {
    return this.#control("POST", "saml-response", snake(options));
  }

  async putUser(name, { sub, claims } = {}) {
    return this.#control("PUT", `users/${encodeURIComponent(name)}`, { sub, claims });
  }

  async deleteUser(name) {
    return this.#control("DELETE", `users/${encodeURIComponent(name)}`);
  }

  async rotateKey() {
    return (await this.#control("POST", "rotate-key")).kid;
  }

  async codes() {
    return (await this.#control("GET", "codes")).codes;
  }

  async calls({ after, limit = keptCalls } = {}) {
    return (await this.#control("GET", `calls${query({ after, limit })}`)).calls;
  }

  async waitForCall(wanted = {}) {
    return this.#control("GET", `calls/wait${query(snake(wanted))}`);
  }

  /** The last calls as text, with the reason of each refusal. */
  async explain({ limit = shownCalls } = {}) {
    const calls = await this.calls();
    return calls.slice(-limit).map(shown).join("\n");
  }

  /** Calls an operation of the identity pools as a client does that has no keys. */
  async #identity(operation, body) {
    const answer = await this.#fetch(this.endpoint, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": `AWSCognitoIdentityService.${operation}`,
      },
      body: JSON.stringify(body),
    });
    const content = await answer.json();
    if (answer.ok) return content;

    throw new PoolhouseError(`${operation}: ${content.message}`, { status: answer.status, name: content.__type });
  }

  /** Is fetch. Of a server that has ended it tells so, and why. */
  async #fetch(...request) {
    try {
      return await fetch(...request);
    } catch (cause) {
      const child = this.#child;
      if (child) await Promise.race([this.#ended, delay(endTimeout)]);
      const status = child?.exitCode ?? child?.signalCode;
      if (child && status === null) throw cause; // it runs
      throw new Error(child ? `poolhouse dev has ended with ${status}:\n${this.#output}` : "poolhouse: it is stopped",
        { cause });
    }
  }

  async #control(method, path, body) {
    const bare = method === "GET" || method === "DELETE";
    return this.#request(method, path, bare ? undefined : JSON.stringify(body ?? {}));
  }

  async #request(method, path, body, type = "application/json") {
    const answer = await this.#fetch(`${this.#ready?.endpoint ?? this.endpoint}/_poolhouse/dev/${path}`, {
      method,
      headers: body === undefined ? {} : { "Content-Type": type },
      body,
    });
    const text = await answer.text();
    if (answer.ok) return text ? JSON.parse(text) : {};

    let message = text;
    try {
      const refused = JSON.parse(text);
      message = refused.error ?? refused.message ?? text;
    } catch {} // not JSON: the text as it stands
    throw new PoolhouseError(`${method} /_poolhouse/dev/${path}: ${message}`, { status: answer.status });
  }
}

/** Starts a server: `await using poolhouse = await startPoolhouse()`, or call its stop(). */
export async function startPoolhouse(options) {
  return new Poolhouse(options).start();
}

/** An environment without settings of AWS and Poolhouse: those of this machine's user are for other servers. */
function withoutSettings(environment) {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(POOLHOUSE|AWS)_/.test(name)));
}

/** The members of an object in the control API's spelling: delayMs is delay_ms. */
function snake(members) {
  return Object.fromEntries(Object.entries(members)
    .map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]));
}

function query(members) {
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

function shown(call) {
  const lines = [[call.operation, call.status, call.error, call.request_id && `(request ${call.request_id})`]
    .filter(Boolean).join(" ")];
  if (call.message) lines.push(`  ${call.message}`);
  if (call.explain) lines.push(`  ${call.explain.text.replaceAll("\n", "\n  ")}`);
  return lines.join("\n");
}
