// A development server filled with made-up data of every kind, and the routes of all pages of the console with a part of
// it. IDs that can be chosen are, so that pages look alike each time. Nothing here needs a browser.
import fs from "node:fs";
import { GetCredentialsForIdentityCommand, GetIdCommand } from "@aws-sdk/client-cognito-identity";
import { admin, dev, ENDPOINT, iam, idp, info, metadata, send, tokenFor } from "./console-clients.mjs";
const { login_key: LOGIN, oidc_provider_arn: OIDC } = info;
const pool = "us-east-1:7c1e0a52-4b1d-4f0c-9a57-1d2f6b8c3e40";
const rental = "us-east-1:2f9d6c11-8e7a-4c35-b6a4-90e1c7d25b18";
const museum = "us-east-1:d4a8b370-19c6-4e2b-8f51-6b3c0e9a7d25";
const identity = "us-east-1:a1f4c2d8-3b6e-4d19-8c70-5e2b9f7a6d31";

const trusting = (Pool, amr) => ({ Version: "2012-10-17", Statement: [{
  Effect: "Allow", Principal: { Federated: "cognito-identity.amazonaws.com" }, Action: ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
  Condition: { StringEquals: { "cognito-identity.amazonaws.com:aud": { Ref: Pool } },
    "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": amr } } }] });
const allowing = (PolicyName, Action, Resource) => ({ PolicyName, PolicyDocument: {
  Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource }] } });
const role = (RoleName, Description, Pool, amr, ...Policies) => ({ Type: "AWS::IAM::Role", Properties: {
  RoleName, Description, AssumeRolePolicyDocument: trusting(Pool, amr), Policies, Tags: [{ Key: "app", Value: Pool.toLowerCase() }] } });
const identityPool = (PoolhouseId, IdentityPoolName, guests, more = {}) => ({ Type: "AWS::Cognito::IdentityPool", Metadata: { PoolhouseId }, Properties: {
  IdentityPoolName, AllowUnauthenticatedIdentities: guests, OpenIdConnectProviderARNs: [OIDC], ...more } });
const roles = (Pool, authenticated, unauthenticated) => ({ Type: "AWS::Cognito::IdentityPoolRoleAttachment", Properties: {
  IdentityPoolId: { Ref: Pool }, Roles: { authenticated: { "Fn::GetAtt": `${authenticated}.Arn` },
    ...(unauthenticated ? { unauthenticated: { "Fn::GetAtt": `${unauthenticated}.Arn` } } : {}) } } });

const photos = "arn:aws:s3:::photo-club";

// seedWith returns a seed whose first pool accepts a client of a user pool.
const seedWith = (client) => ({
  Resources: {
    Photos: identityPool(pool, "photo-club", true, {
      AllowClassicFlow: true, DeveloperProviderName: "login.photo-club.example", CognitoIdentityProviders: [client],
      SupportedLoginProviders: { "accounts.google.com": "418-photo-club.apps.googleusercontent.com" } }),
    Rental: identityPool(rental, "bike-rental", false),
    Museum: identityPool(museum, "museum-guide", true),
    Member: role("PhotoMember", "Members of the photo club", "Photos", "authenticated",
      allowing("OwnAlbum", ["s3:GetObject", "s3:PutObject"], `${photos}/members/\${cognito-identity.amazonaws.com:sub}/*`)),
    Visitor: role("PhotoVisitor", "Guests of the photo club", "Photos", "unauthenticated", allowing("Gallery", "s3:GetObject", `${photos}/gallery/*`)),
    Editor: role("PhotoEditor", "Members who choose the pictures of the month", "Photos", "authenticated", allowing("Gallery", "s3:*", `${photos}/*`)),
    Rider: role("BikeRider", "People who rent a bike", "Rental", "authenticated", allowing("Rides", "dynamodb:Query", "*")),
    Guide: role("MuseumGuide", "Everybody in the museum", "Museum", "*", allowing("Rooms", "s3:GetObject", "arn:aws:s3:::museum/*")),
    PhotoRoles: { Type: "AWS::Cognito::IdentityPoolRoleAttachment", Properties: {
      IdentityPoolId: { Ref: "Photos" }, Roles: { authenticated: { "Fn::GetAtt": "Member.Arn" }, unauthenticated: { "Fn::GetAtt": "Visitor.Arn" } },
      RoleMappings: { Issuer: { IdentityProvider: OIDC, Type: "Rules", AmbiguousRoleResolution: "AuthenticatedRole", RulesConfiguration: { Rules: [
        { Claim: "groups", MatchType: "Contains", Value: "editors", RoleARN: { "Fn::GetAtt": "Editor.Arn" } },
        { Claim: "plan", MatchType: "Equals", Value: "yearly", RoleARN: { "Fn::GetAtt": "Member.Arn" } }] } } } } },
    PhotoTags: { Type: "AWS::Cognito::IdentityPoolPrincipalTag", Properties: {
      IdentityPoolId: { Ref: "Photos" }, IdentityProviderName: OIDC, UseDefaults: false, PrincipalTags: { plan: "plan", member: "sub" } } },
    RentalRoles: roles("Rental", "Rider"),
    MuseumRoles: roles("Museum", "Guide", "Guide"),
  },
  Users: {
    mia: { name: "Mia Berger", email: "mia@example.com", groups: ["editors"], plan: "yearly" },
    jonas: { name: "Jonas Lind", email: "jonas@example.com", plan: "monthly" },
    noor: { name: "Noor Haddad", email: "noor@example.com" },
  },
  Identities: [{ IdentityId: identity, IdentityPoolId: { Ref: "Photos" }, User: "mia" }],
});

// member makes a user pool with two apps, of which the pool accepts one, and returns what a member signs in with.
async function member() {
  const UserPoolId = (await idp.createUserPool({ PoolName: "members" }).promise()).UserPool.Id;
  const app = async (ClientName) => (await idp.createUserPoolClient({
    UserPoolId, ClientName, ExplicitAuthFlows: ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"] }).promise()).UserPoolClient.ClientId;
  const [known, other] = [await app("gallery"), await app("print-shop")];
  await idp.signUp({ ClientId: known, Username: "mia", Password: "Secret-123" }).promise();
  await idp.adminConfirmSignUp({ UserPoolId, Username: "mia" }).promise();

  const key = `cognito-idp.us-east-1.amazonaws.com/${UserPoolId}`;
  const logins = async (ClientId) => {
    const { AuthenticationResult } = await idp.initiateAuth({
      ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters: { USERNAME: "mia", PASSWORD: "Secret-123" } }).promise();
    return { [key]: AuthenticationResult.IdToken };
  };
  return { client: { ProviderName: key, ClientId: known, ServerSideTokenCheck: true }, others: () => logins(other) };
}
// signIn gets credentials for somebody; a refusal is no failure.
async function signIn(IdentityPoolId, Logins) {
  try {
    const { IdentityId } = await send(GetIdCommand, { IdentityPoolId, Logins });
    await send(GetCredentialsForIdentityCommand, { IdentityId, Logins });
  } catch (error) {
    if (!error.$metadata?.httpStatusCode) throw error;
  }
}
const loginOf = async (name, more) => ({ [LOGIN]: await tokenFor(name, { claims: { plan: "yearly" }, ...more }) });
// crowd lets people sign in, and some who are refused.
async function crowd(others) {
  for (let round = 0; round < 12; round++) {
    await Promise.all(Array.from({ length: 6 }, async (_, n) => signIn(n % 3 === 2 ? museum : pool, await loginOf(`member${n}`))));
    await Promise.all(Array.from({ length: 3 }, (_, n) => signIn(n % 2 ? museum : pool)));
    if (round % 3 === 1) await signIn(rental);
    if (round % 5 === 2) await signIn(museum, { "accounts.google.com": "no.token.here" });
  }

  await signIn(rental, await loginOf("noor", { expires_in: -7200 }));
  await signIn(museum, await others());
  await signIn(rental);
  await signIn(pool, await loginOf("mia"));
  await signIn(pool, await others());
}

// fill begins the server anew.
export async function fill() {
  await dev("reset", { empty: true });
  const { client, others } = await member();
  await dev("seed?name=filled.json", seedWith(client));
  await iam.createOpenIDConnectProvider({ Url: "https://id.school.example", ClientIDList: ["library"] }).promise();
  await iam.createSAMLProvider({ Name: "town-hall", SAMLMetadataDocument: await metadata("https://sso.town.example/idp") }).promise();
  await crowd(others);

  const statement = { Effect: "Allow", Action: "poolhouse:GetStatistics", Resource: "*" };
  const { AccessKey } = await admin("CreateAccessKey", { Description: "reads the numbers",
    Policy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }) });
  const { Refusals } = await admin("ListRefusals", { MaxResults: 1 });
  return routesWith(Refusals[0].RequestId, AccessKey.AccessKeyId);
}
const at = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");
// routesWith returns the routes of all pages by their titles.
const routesWith = (refusal, key) => ({
  key: at("key"),
  overview: at("overview"),
  pools: at("pools"),
  "new pool": at("pools", "new"),
  "new pool, roles": at("pools", "new", "roles"),
  "new pool, providers": at("pools", "new", "providers"),
  "new pool, details": at("pools", "new", "details"),
  "new pool, review": at("pools", "new", "review"),
  pool: at("pools", pool),
  "pool, providers": at("pools", pool, "providers"),
  "pool, roles": at("pools", pool, "roles"),
  "pool, tags": at("pools", pool, "tags"),
  "pool, identities": at("pools", pool, "identities"),
  "pool, code": at("pools", pool, "code"),
  "pool, settings": at("pools", pool, "settings"),
  identities: at("identities"),
  identity: at("identities", identity),
  explain: at("explain"),
  "explain, token": at("explain", "token"),
  "explain, refusal": at("explain", refusal),
  playground: `${at("play")}?pool=${encodeURIComponent(museum)}`,
  access: at("access"),
  "access, OpenID Connect": at("access", "oidc"),
  "access, SAML": at("access", "saml"),
  "access, keys": at("access", "keys"),
  "access, engines": at("access", "engines"),
  "access, role": at("access", "roles", "PhotoMember"),
  "access, OpenID Connect provider": at("access", "oidc", "id.school.example"),
  "access, SAML provider": at("access", "saml", "town-hall"),
  "access, key": at("access", "keys", key),
  server: at("server"),
  "server, settings": at("server", "settings"),
  "server, signing keys": at("server", "keys"),
  "no such page": at("nowhere"),
});
// without returns the patterns of the console's routes that no route of a list matches.
export function without(routes) {
  const source = fs.readFileSync(new URL("../../console/src/frame/routes.ts", import.meta.url), "utf8");
  const patterns = [...source.matchAll(/^ *\{ pattern: '([^']+)'/gm)].map(([, pattern]) => pattern.split("/"));
  const matches = (path) => patterns.find((parts) => parts.length === path.length && parts.every((part, n) => part.startsWith(":") || part === path[n]));
  const met = new Set(Object.values(routes).map((route) => matches(route.slice(2).split("?")[0].split("/"))));
  return patterns.filter((parts) => !met.has(parts)).map((parts) => parts.join("/"));
}
