// The server as programs see it, to compare with what the console shows: AWS SDKs, the control API of a development
// server, the admin API, and an issuer of nobody's.
import http from "node:http";
import { once } from "node:events";

import { Sha256 } from "@aws-crypto/sha256-js";
import { CognitoIdentityClient, GetCredentialsForIdentityCommand, GetIdCommand } from "@aws-sdk/client-cognito-identity";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { SignatureV4 } from "@smithy/signature-v4";
import AWS from "aws-sdk";

export const { endpoint: ENDPOINT } = JSON.parse(process.env.POOLHOUSE_INFO);
export const info = await (await fetch(`${ENDPOINT}/_poolhouse/dev/info`)).json();
export const ACCOUNT = info.account_id;

const region = "us-east-1";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };

export const pools = new CognitoIdentityClient({ endpoint: ENDPOINT, region, credentials, maxAttempts: 1 });
export const iam = new AWS.IAM({ endpoint: ENDPOINT, region, credentials });
export const idp = new AWS.CognitoIdentityServiceProvider({ endpoint: ENDPOINT, region, credentials });

// send calls an operation of identity pools.
export const send = (Command, input) => pools.send(new Command(input));

const signer = new SignatureV4({ service: "poolhouse", region, credentials, sha256: Sha256 });

// admin calls an operation of the admin API.
export async function admin(operation, input = {}) {
  const { protocol, host, hostname, port } = new URL(ENDPOINT);
  const body = JSON.stringify(input);
  const { headers } = await signer.sign({
    method: "POST", protocol, hostname, port: Number(port), path: "/", query: {}, body,
    headers: { host, "content-type": "application/x-amz-json-1.1", "x-amz-target": `PoolhouseAdmin.${operation}` } });
  const answer = await fetch(`${ENDPOINT}/`, { method: "POST", headers, body });
  const got = JSON.parse(await answer.text() || "{}"); // some operations answer nothing
  if (!answer.ok) throw new Error(`${operation}: ${JSON.stringify(got)}`);
  return got;
}

// stsAs calls STS with the credentials of a session.
export const stsAs = (session) => new STSClient({ endpoint: ENDPOINT, region, credentials: session });

// arn is the ARN of a thing of IAM: a role, an oidc-provider, a saml-provider.
export const arn = (kind, name) => `arn:aws:iam::${ACCOUNT}:${kind}/${name}`;
export const roleARN = (name) => arn("role", name);

// trustOf is the trust policy of a role that only users, or only guests, of one pool can take.
export const trustOf = (pool, amr) => ({
  Version: "2012-10-17",
  Statement: [{
    Effect: "Allow",
    Principal: { Federated: "cognito-identity.amazonaws.com" },
    Action: ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
    Condition: {
      StringEquals: { "cognito-identity.amazonaws.com:aud": pool },
      "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": amr },
    },
  }],
});

// makeRole makes a role, and returns its ARN.
export async function makeRole(name, trust) {
  const { Role } = await iam.createRole({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }).promise();
  return Role.Arn;
}

// trustIn returns the trust policy that a role has.
export async function trustIn(name) {
  const { Role } = await iam.getRole({ RoleName: name }).promise();
  return JSON.parse(decodeURIComponent(Role.AssumeRolePolicyDocument));
}

// dev calls the control API of a development server.
export async function dev(path, input) {
  const answer = await fetch(`${ENDPOINT}/_poolhouse/dev/${path}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(input) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

// tokenFor asks the development issuer for a token of anybody.
export const tokenFor = async (sub, more = {}) => (await dev("token", { sub, ...more })).token;

// unsigned returns a token whose signature nobody made.
export function unsigned(claims, header = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256", kid: "1", typ: "JWT", ...header })}.${part(claims)}.${Buffer.alloc(256, 1).toString("base64url")}`;
}

// roleOf signs a user in, or a guest, and returns the name of the role that the credentials are of.
export async function roleOf(IdentityPoolId, Logins) {
  const { IdentityId } = await send(GetIdCommand, { IdentityPoolId, Logins });
  const { Credentials: c } = await send(GetCredentialsForIdentityCommand, { IdentityId, Logins });
  const sts = stsAs({ accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretKey, sessionToken: c.SessionToken });
  return (await sts.send(new GetCallerIdentityCommand({}))).Arn.split("/")[1];
}

// metadata is the document of a SAML identity provider, with the certificate that a response of it has.
export async function metadata(entity) {
  const { saml_response } = await dev("saml-response", { name_id: "ann" });
  const [, certificate] = /X509Certificate>([^<]+)</.exec(Buffer.from(saml_response, "base64").toString());
  const binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
  return `<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entity}">
<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing">
<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate>
</ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="${binding}" Location="${entity}/sso"/>
</md:IDPSSODescriptor>${" ".repeat(600)}</md:EntityDescriptor>`; // documents of less than 1000 characters are refused
}

// serveIssuer serves an OpenID Connect issuer that the server does not know yet, with the keys of its own issuer.
export async function serveIssuer() {
  const { keys } = await (await fetch(`${ENDPOINT}/dev-issuer/jwks`)).json();
  const server = http.createServer((request, response) => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const body = request.url === "/jwks" ? { keys } : {
      issuer, jwks_uri: `${issuer}/jwks`, authorization_endpoint: `${issuer}/authorize`,
      response_types_supported: ["id_token"], subject_types_supported: ["public"], id_token_signing_alg_values_supported: ["RS256"] };
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  return { issuer: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } };
}
