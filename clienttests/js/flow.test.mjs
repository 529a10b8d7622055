// The AWS SDK for JavaScript 3 against a running `poolhouse dev`: the endpoint
// and keys come from the environment, as an application's would.
import assert from "node:assert/strict";
import test from "node:test";

import {
  CognitoIdentityClient, CreateIdentityPoolCommand, DescribeIdentityPoolCommand, GetCredentialsForIdentityCommand, GetIdCommand, GetOpenIdTokenCommand,
  GetOpenIdTokenForDeveloperIdentityCommand, NotAuthorizedException, ResourceNotFoundException, SetIdentityPoolRolesCommand,
} from "@aws-sdk/client-cognito-identity";
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fromCognitoIdentityPool } from "@aws-sdk/credential-provider-cognito-identity";
import { fromWebToken } from "@aws-sdk/credential-provider-web-identity";
import AWS from "aws-sdk";
import { createRemoteJWKSet, jwtVerify } from "jose";

const info = JSON.parse(process.env.POOLHOUSE_INFO);
const algorithm = process.env.POOLHOUSE_ALGORITHM;
const client = new CognitoIdentityClient({});

async function idToken(sub) {
  const answer = await fetch(`${info.endpoint}/_poolhouse/dev/token`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sub }) });
  return (await answer.json()).token;
}

const pool = await client.send(new CreateIdentityPoolCommand({
  IdentityPoolName: "js", AllowUnauthenticatedIdentities: true, DeveloperProviderName: "login.my.app",
  OpenIdConnectProviderARNs: [info.oidc_provider_arn] }));
const IdentityPoolId = pool.IdentityPoolId;
await client.send(new SetIdentityPoolRolesCommand({ IdentityPoolId, Roles: {
  authenticated: "arn:aws:iam::000000000000:role/User", unauthenticated: "arn:aws:iam::000000000000:role/Guest" } }));

async function verify(token) {
  const discovery = await (await fetch(`${info.endpoint}/.well-known/openid-configuration`)).json();
  return jwtVerify(token, createRemoteJWKSet(new URL(discovery.jwks_uri)), {
    issuer: discovery.issuer, audience: IdentityPoolId, algorithms: [algorithm] });
}

test("a user signs in, gets a token that verifies from discovery alone, and credentials", async () => {
  const Logins = { [info.login_key]: await idToken("alice") };
  const { IdentityId } = await client.send(new GetIdCommand({ IdentityPoolId, Logins }));
  const { Token } = await client.send(new GetOpenIdTokenCommand({ IdentityId, Logins }));
  const { payload } = await verify(Token);
  assert.equal(payload.sub, IdentityId);
  assert.deepEqual(payload.amr, ["authenticated", info.login_key, `${info.oidc_provider_arn}:OIDC:alice`]);
  const { Credentials: c } = await client.send(new GetCredentialsForIdentityCommand({ IdentityId, Logins }));
  assert.ok(c.Expiration instanceof Date);
  const sts = new STSClient({ credentials: { accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretKey, sessionToken: c.SessionToken } });
  const who = await sts.send(new GetCallerIdentityCommand({}));
  assert.equal(who.Arn, "arn:aws:sts::000000000000:assumed-role/User/CognitoIdentityCredentials");
});

test("the credential provider works for guests and users", async () => {
  for (const [logins, role] of [[undefined, "Guest"], [{ [info.login_key]: await idToken("bob") }, "User"]]) {
    const credentials = fromCognitoIdentityPool({ identityPoolId: IdentityPoolId, logins, clientConfig: { region: info.region } });
    const who = await new STSClient({ credentials }).send(new GetCallerIdentityCommand({}));
    assert.equal(who.Arn, `arn:aws:sts::000000000000:assumed-role/${role}/CognitoIdentityCredentials`);
  }
});

test("the classic flow: a token of the pool, a role that the application names", async () => {
  const Logins = { [info.login_key]: await idToken("dave") };
  const { IdentityId } = await client.send(new GetIdCommand({ IdentityPoolId, Logins }));
  const { Token } = await client.send(new GetOpenIdTokenCommand({ IdentityId, Logins }));
  const role = { roleArn: "arn:aws:iam::000000000000:role/User", roleSessionName: "classic", webIdentityToken: Token };
  const credentials = fromWebToken({ ...role, clientConfig: { region: info.region } });
  const who = await new STSClient({ credentials }).send(new GetCallerIdentityCommand({}));
  assert.equal(who.Arn, "arn:aws:sts::000000000000:assumed-role/User/classic");
  const answer = await new STSClient({}).send(new AssumeRoleWithWebIdentityCommand(
    { RoleArn: role.roleArn, RoleSessionName: "classic", WebIdentityToken: Token }));
  assert.equal(answer.SubjectFromWebIdentityToken, IdentityId);
  assert.equal(answer.Audience, IdentityPoolId);
  assert.equal(answer.Provider, "cognito-identity.amazonaws.com");
  assert.ok(answer.Credentials.Expiration instanceof Date);
});

// The class of version 2 of the SDK goes all the way by itself: GetId,
// GetOpenIdToken and AssumeRoleWithWebIdentity.
test("CognitoIdentityCredentials with a role: the classic flow for guests and users", async () => {
  for (const [Logins, role, amr] of [[undefined, "Guest", "unauthenticated"], [{ [info.login_key]: await idToken("erin") }, "User", "authenticated"]]) {
    const credentials = new AWS.CognitoIdentityCredentials(
      { IdentityPoolId, RoleArn: `arn:aws:iam::000000000000:role/${role}`, RoleSessionName: "v2", Logins }, { endpoint: info.endpoint, region: info.region });
    await credentials.getPromise();
    assert.match(credentials.accessKeyId, /^ASIA/);
    assert.ok(credentials.expireTime > new Date());
    const { IdentityId } = await client.send(new GetIdCommand({ IdentityPoolId, Logins }));
    if (Logins) assert.equal(credentials.identityId, IdentityId);
    const who = await new AWS.STS({ endpoint: info.endpoint, region: info.region, credentials }).getCallerIdentity().promise();
    assert.equal(who.Arn, `arn:aws:sts::000000000000:assumed-role/${role}/v2`);
    assert.equal(credentials.data.SubjectFromWebIdentityToken, credentials.identityId);
    const { payload } = await verify(credentials.params.WebIdentityToken);
    assert.equal(payload.amr[0], amr);
  }
});

test("developer identities", async () => {
  const { IdentityId, Token } = await client.send(new GetOpenIdTokenForDeveloperIdentityCommand({ IdentityPoolId, Logins: { "login.my.app": "carol" } }));
  await verify(Token);
  const { Credentials } = await client.send(new GetCredentialsForIdentityCommand({ IdentityId, Logins: { "cognito-identity.amazonaws.com": Token } }));
  assert.match(Credentials.AccessKeyId, /^ASIA/);
});

test("errors arrive as their classes, with message and request ID", async () => {
  const unknown = "us-east-1:00000000-0000-4000-8000-000000000000";
  await assert.rejects(client.send(new GetIdCommand({ IdentityPoolId: unknown })), (e) =>
    e instanceof ResourceNotFoundException && e.message === `IdentityPool '${unknown}' not found.` && e.$metadata.requestId.length === 36);
  await assert.rejects(client.send(new GetIdCommand({ IdentityPoolId, Logins: { [info.login_key]: "forged" } })), NotAuthorizedException);
});

// The SDK reads the server's Date from the refusal, corrects its clock and sends
// the call again. systemClockOffset will not do for this test: the SDK compares
// with the machine's clock, so the machine's clock must be wrong.
test("a client whose clock is an hour off repairs itself", async () => {
  const now = Date.now;
  Date.now = () => now() + 3600_000;
  try {
    const wrong = new CognitoIdentityClient({});
    const answer = await wrong.send(new DescribeIdentityPoolCommand({ IdentityPoolId }));
    assert.equal(answer.IdentityPoolName, "js");
    assert.equal(answer.$metadata.attempts, 2);
    const sts = new STSClient({});
    assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Account, "000000000000");
  } finally {
    Date.now = now;
  }
});
