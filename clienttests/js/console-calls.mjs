// The server behind the console, as programs call it: clients of the SDKs, tokens of the development issuer and of a
// user pool, and the admin API.
import { Sha256 } from "@aws-crypto/sha256-js";
import { CognitoIdentityClient, GetCredentialsForIdentityCommand, GetIdCommand } from "@aws-sdk/client-cognito-identity";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { SignatureV4 } from "@smithy/signature-v4";
import AWS from "aws-sdk";

export const { endpoint: ENDPOINT } = JSON.parse(process.env.POOLHOUSE_INFO);
export const info = await (await fetch(`${ENDPOINT}/_poolhouse/dev/info`)).json();

const region = "us-east-1";
const key = { accessKeyId: "test", secretAccessKey: "test" };
export const of = (kind, name) => `arn:aws:iam::${info.account_id}:${kind}/${name}`;
export const client = new CognitoIdentityClient({ endpoint: ENDPOINT, region, credentials: key, maxAttempts: 1 });
export const iam = new AWS.IAM({ endpoint: ENDPOINT, region, ...key });
export const idp = new AWS.CognitoIdentityServiceProvider({ endpoint: ENDPOINT, region, ...key });

// send calls an operation of identity pools.
export const send = (Command, input) => client.send(new Command(input));

// tokenFor asks the development issuer for a token of anybody.
export async function tokenFor(sub, more = {}) {
  const answer = await fetch(`${ENDPOINT}/_poolhouse/dev/token`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sub, ...more }) });
  const { token, ...rest } = await answer.json();
  if (!token) throw new Error(`no token: ${JSON.stringify(rest)}`);
  return token;
}

// unsigned returns a token whose signature nobody made.
export function unsigned(claims, header = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256", kid: "1", typ: "JWT", ...header })}.${part(claims)}.${Buffer.alloc(256, 1).toString("base64url")}`;
}

const signer = new SignatureV4({ service: "poolhouse", region, credentials: key, sha256: Sha256 });

// admin calls an operation of the admin API.
export async function admin(operation, input = {}) {
  const url = new URL(ENDPOINT);
  const body = JSON.stringify(input);
  const { headers } = await signer.sign({
    method: "POST", protocol: url.protocol, hostname: url.hostname, port: Number(url.port), path: "/", query: {}, body,
    headers: { host: url.host, "content-type": "application/x-amz-json-1.1", "x-amz-target": `PoolhouseAdmin.${operation}` } });
  const answer = await fetch(`${ENDPOINT}/`, { method: "POST", headers, body });
  const got = await answer.json();
  if (!answer.ok) throw new Error(`${operation}: ${JSON.stringify(got)}`);
  return got;
}

// roleOf signs a user in, or a guest, and returns the name of the role that the credentials are of.
export async function roleOf(IdentityPoolId, Logins) {
  const { IdentityId } = await send(GetIdCommand, { IdentityPoolId, Logins });
  const { Credentials: c } = await send(GetCredentialsForIdentityCommand, { IdentityId, Logins });
  const sts = new STSClient({ endpoint: ENDPOINT, region, credentials: {
    accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretKey, sessionToken: c.SessionToken } });
  return (await sts.send(new GetCallerIdentityCommand({}))).Arn.split("/")[1];
}
