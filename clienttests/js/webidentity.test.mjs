// Web identity tokens against a running `poolhouse dev`: the AWS SDK for JavaScript 3 gets them, and jose verifies
// them with nothing but the issuer's address, which is in ISSUER.
import assert from "node:assert/strict";
import test from "node:test";

import { GetWebIdentityTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { createRemoteJWKSet, jwtVerify } from "jose";

const issuer = process.env.ISSUER;
const audience = "https://service.example.com";
const sts = new STSClient({});

async function tokenOf(more) {
  const answer = await sts.send(new GetWebIdentityTokenCommand({ Audience: [audience], SigningAlgorithm: "ES384", ...more }));
  return { token: answer.WebIdentityToken, expiration: answer.Expiration };
}

const discovery = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(discovery.jwks_uri));
const verify = (token, more) => jwtVerify(token, keys, { issuer, audience, ...more });

for (const algorithm of discovery.id_token_signing_alg_values_supported) {
  test(`a token signed with ${algorithm} verifies from discovery alone`, async () => {
    const { token, expiration } = await tokenOf({
      SigningAlgorithm: algorithm, DurationSeconds: 60, Tags: [{ Key: "job", Value: "nightly" }] });
    const { payload, protectedHeader } = await verify(token, { algorithms: [algorithm] });
    assert.equal(protectedHeader.alg, algorithm);
    assert.equal(payload.sub, "arn:aws:iam::000000000000:root");
    assert.equal(payload.exp - payload.iat, 60);
    assert.equal(expiration.getTime(), payload.exp * 1000);
    assert.deepEqual(payload["https://sts.amazonaws.com/"].request_tags, { job: "nightly" });
  });
}

test("a token for another audience, or altered, does not verify", async () => {
  const { token } = await tokenOf();
  await verify(token);
  await assert.rejects(verify((await tokenOf({ Audience: ["other"] })).token), { code: "ERR_JWT_CLAIM_VALIDATION_FAILED" });
  const [header, payload, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: "arn:aws:iam::000000000000:role/Admin" })).toString("base64url");
  await assert.rejects(verify(`${header}.${forged}.${signature}`), { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
});
