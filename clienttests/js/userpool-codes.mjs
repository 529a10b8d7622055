// Codes of the user pools as the developer gets them: on the server's page. And the pools of
// testdata/userpool.yaml.
import assert from "node:assert/strict";

const info = JSON.parse(process.env.POOLHOUSE_INFO);

export const users = {
  endpoint: info.endpoint, userPoolId: "us-east-1_Users", userPoolClientId: "app",
  identityPoolId: "us-east-1:4b1e4c2e-58f0-4b52-9a5c-0d6b6f0a7c11" };
export const rotating = { ...users, userPoolClientId: "rotating" };
export const issued = { ...users, userPoolId: "us-east-1_Issued", userPoolClientId: "issuedapp" };
export const members = { ...users, userPoolId: "us-east-1_Members", userPoolClientId: "membersapp" };

// codeFor returns the newest code that went to an address.
export async function codeFor(address) {
  const page = await (await fetch(`${info.endpoint}/`, { headers: { Accept: "text/html" } })).text();
  const lines = page.split("<li>").filter((line) => line.includes(`(${address})`));
  const found = lines[0]?.match(/<code>([^<]+)<\/code> to /);
  assert.ok(found, `the page has no code for ${address}`);
  return found[1];
}
