// Installs Poolhouse, starts a server, and tells the further steps of the job where it is.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const systems = { linux: "linux", darwin: "darwin", win32: "windows" };
const machines = { x64: "amd64", arm64: "arm64" };
const startTimeout = 60_000; // ms

// With one of these from an earlier step, SDKs take other keys than the server's, or call AWS. A step can be given
// no variable less: an empty AWS_PROFILE is a fault for the AWS CLI.
const foreign = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CREDENTIAL_EXPIRATION",
  "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"];

const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] ?? "").trim();

/** Appends lines NAME=VALUE to a file of the runner. */
function tell(file, values) {
  for (const [name, value] of Object.entries(values)) {
    if (/[\r\n]/.test(`${name}${value}`)) throw new Error(`${name} has a line end`);
    appendFileSync(process.env[file], `${name}=${value}\n`);
  }
}

function version() {
  const named = input("version") || process.env.GITHUB_ACTION_REF || "";
  const found = /^v?(\d+\.\d+\.\d+[\w.-]*)$/.exec(named);
  if (found) return found[1];
  throw new Error(`"${named}" is no version: use the action by the tag of a version, such as @v0.1.0, or give the ` +
    "input version");
}

async function download(address) {
  const answer = await fetch(address).catch((error) => {
    throw new Error(`${address}: ${error.cause?.message || error.cause?.code || error.message}`);
  });
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** Returns the folder of the program, whose archive has the checksum that the release lists. */
async function install(release) {
  const system = systems[process.platform];
  const machine = machines[process.arch];
  if (!system || !machine) throw new Error(`there is no Poolhouse for ${process.platform} on ${process.arch}`);

  const name = `poolhouse_${release}_${system}_${machine}`;
  const file = name + (system === "windows" ? ".zip" : ".tar.gz");
  const from = `${input("releases")}/v${release}`;
  const [archive, sums] = await Promise.all([download(`${from}/${file}`), download(`${from}/checksums.txt`)]);
  const sum = createHash("sha256").update(archive).digest("hex");
  if (!sums.toString().split(/\r?\n/).includes(`${sum}  ${file}`)) {
    throw new Error(`${from}/${file} does not have the checksum that checksums.txt lists`);
  }

  const folder = mkdtempSync(join(process.env.RUNNER_TEMP, "poolhouse-"));
  writeFileSync(join(folder, file), archive);
  // Windows has a tar that reads zip files; that of Git, which may come first, does not.
  const tar = system === "windows" ? join(process.env.SYSTEMROOT, "System32", "tar.exe") : "tar";
  execFileSync(tar, ["-xf", file], { cwd: folder });
  return join(folder, name);
}

/** Starts a server that outlives this step, and returns its process, log and address. */
async function start(program) {
  const seeds = input("seed").split(/\r?\n/).map((seed) => seed.trim()).filter(Boolean);
  const folder = mkdtempSync(join(process.env.RUNNER_TEMP, "poolhouse-server-"));
  const log = join(folder, "log");
  const child = spawn(program, ["dev", "--memory", "--listen", "127.0.0.1:0", "--ready-file", "-",
    ...(seeds.length === 0 ? ["--demo"] : seeds.flatMap((seed) => ["--seed", seed])),
    ...input("arguments").split(/\s+/).filter(Boolean)],
  { detached: true, stdio: ["ignore", "pipe", openSync(log, "a")] });

  const line = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), startTimeout);
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(timer);
      reject(new Error(`poolhouse dev did not start:\n${readFileSync(log)}`));
    });
    createInterface({ input: child.stdout }).once("line", (text) => {
      clearTimeout(timer);
      resolve(text);
    });
  });
  child.stdout.destroy();
  child.unref();
  return { ...JSON.parse(line), log };
}

async function main() {
  const release = version();
  const folder = await install(release);
  const program = join(folder, process.platform === "win32" ? "poolhouse.exe" : "poolhouse");
  appendFileSync(process.env.GITHUB_PATH, `${folder}\n`);
  console.log(`Installed Poolhouse ${release}.`);
  if (input("start") !== "true") return;

  const server = await start(program);
  tell("GITHUB_STATE", { pid: server.pid, log: server.log });
  const environment = JSON.parse(execFileSync(program,
    ["dev", "env", "--endpoint", server.endpoint, "--format", "json"], { stdio: ["ignore", "pipe", "inherit"] }));
  tell("GITHUB_ENV", environment);
  const left = foreign.filter((name) => process.env[name]);
  if (left.length > 0) console.log(`::warning::SDKs may not call Poolhouse in a job that sets ${left.join(", ")}`);
  tell("GITHUB_OUTPUT", { endpoint: server.endpoint, "pool-id": environment.POOLHOUSE_POOL_ID ?? "" });
  console.log(`Poolhouse answers at ${server.endpoint}.`);
}

main().catch((error) => {
  // A workflow command is one line.
  console.log(`::error::${error.message.replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A")}`);
  process.exitCode = 1;
});
