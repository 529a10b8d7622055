import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/**
 * Returns the path of the program: POOLHOUSE_BINARY if it is set, else that of the package for this
 * platform, which npm has installed as an optional dependency.
 */
export function binary() {
  if (process.env.POOLHOUSE_BINARY) return process.env.POOLHOUSE_BINARY;

  const name = `@poolhouse/${process.platform}-${process.arch}`;
  try {
    return require.resolve(`${name}/bin/poolhouse${process.platform === "win32" ? ".exe" : ""}`);
  } catch (cause) {
    throw new Error(`poolhouse: the package ${name} is not installed. Install without --omit=optional and ` +
      "--no-optional, on the platform that the program runs on. There are packages for Linux, macOS and Windows " +
      "on x64 and arm64. For another program set POOLHOUSE_BINARY to its path.", { cause });
  }
}
