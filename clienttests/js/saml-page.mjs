// Bundles an example for browsers, runs it with what a web page has and nothing of
// Node.js, and prints who its credentials are. saml_test.go gives it the example, which
// makes `credentials` out of `samlResponse`.
import vm from "node:vm";

import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { build } from "esbuild";

const { outputFiles: [bundle] } = await build({
  stdin: { contents: `${process.env.EXAMPLE}\nexport { credentials };`, resolveDir: import.meta.dirname },
  bundle: true,
  platform: "browser",
  format: "iife",
  globalName: "page",
  write: false,
  logLevel: "error", // what a browser does not have, such as node:fs, is one
});

const window = Object.fromEntries([
  "AbortController", "AbortSignal", "Blob", "Headers", "ReadableStream", "Request", "Response", "TextDecoder", "TextEncoder", "URL",
  "URLSearchParams", "atob", "btoa", "clearTimeout", "console", "crypto", "fetch", "navigator", "setTimeout",
].map((name) => [name, globalThis[name]]));
const context = vm.createContext({ ...window, samlResponse: process.env.RESPONSE });
vm.runInContext("globalThis.window = globalThis.self = globalThis", context);
const credentials = await vm.runInContext(`${bundle.text}\npage.credentials()`, context);

const { endpoint, region } = JSON.parse(process.env.POOLHOUSE_INFO);
const { Arn } = await new STSClient({ endpoint, region, credentials }).send(new GetCallerIdentityCommand({}));
console.log(Arn);
