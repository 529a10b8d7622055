// Requests as @smithy/signature-v4 and Amplify sign them, to the URL TARGET; started by
// go test ./clienttests. Each line of the output is the name of a way, and the status.
import { createHash } from "node:crypto";
import { Sha256 } from "@aws-crypto/sha256-js";
import { signRequest } from "@aws-amplify/core/internals/aws-client-utils";
import { SignatureV4 } from "@smithy/signature-v4";

const url = new URL(process.env.TARGET);
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY, sessionToken: process.env.AWS_SESSION_TOKEN };
const text = "hello from JavaScript".repeat(5000);
const other = "H" + text.slice(1);
const hash = createHash("sha256").update(text).digest("hex");

async function smithy(method, body, applyChecksum) {
  const signer = new SignatureV4({ service: "execute-api", region: "us-east-1", credentials, sha256: Sha256, applyChecksum });
  const { headers } = await signer.sign({
    method, protocol: url.protocol, hostname: url.hostname, port: Number(url.port), path: url.pathname, query: {},
    headers: { host: url.host, "content-type": "text/plain" }, body });
  return headers;
}

// As Amplify's REST API category does it.
async function amplify(method, body, more) {
  const request = { method, url, headers: { "content-type": "text/plain", ...more }, body };
  return signRequest(request, { credentials, signingDate: new Date(), signingRegion: "us-east-1", signingService: "execute-api" }).headers;
}

async function show(name, method, headers, body) {
  const { host, ...rest } = headers;
  const answer = await fetch(url, { method, headers: rest, body });
  await answer.arrayBuffer();
  console.log(name, answer.status);
}

await show("smithy-read", "GET", await smithy("GET", undefined, true));
await show("smithy-plain", "PUT", await smithy("PUT", text, false), text);
await show("smithy-plain-changed", "PUT", await smithy("PUT", text, false), other);
await show("smithy-stated", "PUT", await smithy("PUT", text, true), text);
await show("smithy-stated-changed", "PUT", await smithy("PUT", text, true), other);
await show("amplify-read", "GET", await amplify("GET"));
await show("amplify-plain", "PUT", await amplify("PUT", text), text);
await show("amplify-plain-changed", "PUT", await amplify("PUT", text), other);
await show("amplify-stated", "PUT", await amplify("PUT", text, { "x-amz-content-sha256": hash }), text);
await show("amplify-stated-changed", "PUT", await amplify("PUT", text, { "x-amz-content-sha256": hash }), other);
