/// <reference lib="esnext.disposable" />

/** How a server starts. */
export interface PoolhouseOptions {
  /** Files, or folders of files, of pools, roles, providers, users and identities to have. */
  seed?: string | URL | (string | URL)[];
  /** Whether there is the demo pool with the users alice, bob and carol. Default: if there is no seed. */
  demo?: boolean;
  /** More arguments of `poolhouse dev`. */
  args?: string[];
  /** The environment of the server, less the variables of AWS and Poolhouse. Default: process.env. */
  env?: Record<string, string | undefined>;
  /** How long the start may take, in milliseconds. Default: 30,000. */
  startTimeout?: number;
}

/** An identity pool of the server. */
export interface Pool {
  id: string;
  name: string;
  allow_guests: boolean;
  user_pool?: { id: string; client_id: string };
}

/** Keys as the AWS SDK for JavaScript takes them. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
}

/** Who has signed in, or a guest. */
export interface Session {
  identityId: string;
  /** What GetId and GetCredentialsForIdentity take as Logins. Empty for a guest. */
  logins: Record<string, string>;
  credentials: Credentials;
}

/** A user of the demo or a seed by name, or anybody by subject. */
export type User = string | { sub: string };

export interface TokenOptions {
  /** Lifetime in seconds; negative for a token that has expired. Default: 3600. */
  expiresIn?: number;
  /** Default: the audience that pools trust. */
  audience?: string;
  /** More claims, also in place of the user's. */
  claims?: Record<string, unknown>;
}

/** What goes wrong, from now on. docs/control-api.md of Poolhouse has all of it. */
export interface Fault {
  /** Calls of this operation, or of "*". */
  operation?: string;
  /** They answer this error, such as "TooManyRequestsException". With `database`: "unavailable", "disk_full" and others. */
  error?: string;
  /** They take longer. */
  delayMs?: number;
  /** Their connection is cut: before they are carried out, or after. */
  disconnect?: "before" | "after";
  /** Requests to a login provider, by its key or host, or to "*". */
  provider?: string;
  /** What the provider does. */
  answer?: "down" | "slow" | "status" | "foreign_keys" | "garbage";
  /** Accesses to the database. */
  database?: "writes" | "reads" | "all";
  /** How many it spares at first. */
  after?: number;
  /** How many it strikes. Default: all until it is deleted, or the server is reset. */
  times?: number;
  [more: string]: unknown;
}

/** A call that the server has answered. */
export interface Call {
  id: number;
  time: string;
  service: string;
  operation: string;
  status: number;
  error?: string;
  request_id: string;
  message?: string;
  /** Why it was refused; `text` is for people. */
  explain?: { text: string; [more: string]: unknown };
}

/** An answer of the server that is no success. Its name is the error of AWS, if it has one. */
export class PoolhouseError extends Error {
  /** The HTTP status. */
  status: number;
}

/** A `poolhouse dev` in a process of its own, which ends with this one. */
export class Poolhouse implements AsyncDisposable {
  /** Starts nothing yet: call start. */
  constructor(options?: PoolhouseOptions);
  /** Starts the server on a free port. It answers once the promise is fulfilled. */
  start(): Promise<this>;
  /** Stops the server. It may be called at any time and more than once. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;

  readonly endpoint: string;
  readonly region: string;
  /** What GET /_poolhouse/dev/info answers. */
  readonly info: Record<string, string>;
  readonly pools: Pool[];
  /** The ID of the only pool; else an error. */
  readonly poolId: string;
  /** The end of what the server has printed: why it refused calls, among others. */
  readonly output: string;
  /** The variables with which AWS SDKs find the server. */
  readonly environment: Record<string, string>;
  /** Options for a client of the AWS SDK for JavaScript, with an administrator's keys. */
  readonly clientConfig: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };

  /** An ID token of the built-in issuer. */
  token(user: User, options?: TokenOptions): Promise<string>;
  /** The same, as GetId and GetCredentialsForIdentity take it. */
  logins(user: User, options?: TokenOptions): Promise<Record<string, string>>;
  /** Signs a user in: GetId and GetCredentialsForIdentity. */
  signIn(user: User, options?: TokenOptions & { poolId?: string }): Promise<Session>;
  /** A new guest: GetId and GetCredentialsForIdentity. */
  guest(options?: { poolId?: string }): Promise<Session>;

  /** Lets something go wrong from now on. */
  fail(fault: Fault): Promise<Fault & { id: string }>;
  /** The faults that are set, each with its number of `hits`. */
  faults(): Promise<(Fault & { id: string; hits: number })[]>;
  /** Ends a fault. */
  endFault(id: string): Promise<void>;
  /** Ends all faults. */
  endFaults(): Promise<void>;

  /** The server's clock. All return the time there. */
  readonly clock: {
    now(): Promise<Date>;
    advance(seconds: number): Promise<Date>;
    set(time: Date | string | number): Promise<Date>;
    /** Moves the clock, and lets it count for signatures, too: SDKs notice that the clocks differ. */
    skew(seconds: number): Promise<Date>;
    stop(): Promise<Date>;
    /** Back to the real time. */
    reset(): Promise<Date>;
  };

  /** Everything as after a start. With `empty`: without seeds and demo. */
  reset(options?: { empty?: boolean }): Promise<void>;
  /** Applies a seed: a file by its path, or an object. */
  seed(seed: string | URL | object): Promise<Record<string, unknown>>;
  /** A signed SAML response of the server's identity provider. */
  samlResponse(options: Record<string, unknown>): Promise<Record<string, string>>;
  putUser(name: string, user?: { sub?: string; claims?: Record<string, unknown> }): Promise<Record<string, unknown>>;
  deleteUser(name: string): Promise<Record<string, unknown>>;
  /** Gives the built-in issuer a new key, and returns the key's ID. */
  rotateKey(): Promise<string>;
  /** The newest codes that the server's user pools have sent. */
  codes(): Promise<Record<string, string>[]>;

  /** The calls of clients since the test began, oldest first, at most the newest 1000. */
  calls(options?: { after?: number; limit?: number }): Promise<Call[]>;
  /** Waits for a call, also for one that was there before, unless `after` is its ID or a later one. */
  waitForCall(wanted?: {
    operation?: string;
    status?: number;
    error?: string;
    after?: number;
    timeoutSeconds?: number;
  }): Promise<Call>;
  /** The last calls as text, with the reason of each refusal. */
  explain(options?: { limit?: number }): Promise<string>;
}

/** Starts a server: `await using poolhouse = await startPoolhouse()`, or call its stop(). */
export function startPoolhouse(options?: PoolhouseOptions): Promise<Poolhouse>;

/** The path of the program: POOLHOUSE_BINARY, or that of the package for this platform. */
export function binary(): string;
