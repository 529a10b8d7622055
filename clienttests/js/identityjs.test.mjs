// amazon-cognito-identity-js with the user pools of `poolhouse dev`, by its setting "endpoint".
import assert from "node:assert/strict";
import test from "node:test";
import { promisify } from "node:util";

import {
  CognitoIdentityClient,
  GetCredentialsForIdentityCommand,
  GetIdCommand,
} from "@aws-sdk/client-cognito-identity";
import {
  AuthenticationDetails,
  CognitoRefreshToken,
  CognitoUser,
  CognitoUserAttribute,
  CognitoUserPool,
} from "amazon-cognito-identity-js";
import AWS from "aws-sdk";

import { codeFor, users } from "./userpool-codes.mjs";

const { endpoint, userPoolId: UserPoolId, userPoolClientId: ClientId } = users;
const Pool = new CognitoUserPool({ UserPoolId, ClientId, endpoint });
const admin = new AWS.CognitoIdentityServiceProvider({
  endpoint, region: "us-east-1", accessKeyId: "test", secretAccessKey: "test" });
const password = "Secret-123", newPassword = "Secret-456";
const wrong = { name: "NotAuthorizedException", message: "Incorrect username or password." };

const userOf = (Username) => new CognitoUser({ Username, Pool });
const call = (user, name, ...inputs) => promisify(user[name].bind(user))(...inputs);

// flow runs a method that tells its outcome by callbacks, and returns the callback's name and input.
const flow = (user, name, ...inputs) => new Promise((resolve, reject) => user[name](...inputs, {
  onSuccess: (value) => resolve(["onSuccess", value]),
  onFailure: reject,
  newPasswordRequired: (...value) => resolve(["newPasswordRequired", ...value]),
  inputVerificationCode: (value) => resolve(["inputVerificationCode", value]),
}));
const signIn = (user, Password) => flow(user, "authenticateUser",
  new AuthenticationDetails({ Username: user.getUsername(), Password }));

async function signUp(email) {
  const made = await promisify(Pool.signUp.bind(Pool))(
    email, password, [new CognitoUserAttribute({ Name: "email", Value: email })], null);
  assert.equal(made.userConfirmed, false);
  const user = userOf(email);
  await assert.rejects(signIn(user, password), { name: "UserNotConfirmedException" });
  assert.equal(await call(user, "confirmRegistration", await codeFor(email), true), "SUCCESS");
  return user;
}

test("sign-up, sign-in both ways, refresh, and credentials", async () => {
  const user = await signUp("jo@example.com");
  await assert.rejects(signIn(user, "Wrong-123"), wrong);
  for (const way of ["USER_SRP_AUTH", "USER_PASSWORD_AUTH"]) {
    user.setAuthenticationFlowType(way);
    const [outcome, session] = await signIn(user, password);
    assert.deepEqual([outcome, session.isValid()], ["onSuccess", true], way);
  }

  const before = await call(user, "getSession");
  const after = await call(user, "refreshSession",
    new CognitoRefreshToken({ RefreshToken: before.getRefreshToken().getToken() }));
  assert.ok(after.isValid());
  assert.notEqual(after.getAccessToken().getJwtToken(), before.getAccessToken().getJwtToken());
  assert.equal(after.getRefreshToken().getToken(), before.getRefreshToken().getToken());

  const pools = new CognitoIdentityClient({ endpoint, region: "us-east-1" });
  const Logins = { [`cognito-idp.us-east-1.amazonaws.com/${UserPoolId}`]: after.getIdToken().getJwtToken() };
  const { IdentityId } = await pools.send(new GetIdCommand({ IdentityPoolId: users.identityPoolId, Logins }));
  const { Credentials } = await pools.send(new GetCredentialsForIdentityCommand({ IdentityId, Logins }));
  assert.match(Credentials.AccessKeyId, /^ASIA/);
});

test("attributes, and the password changed and forgotten", async () => {
  const user = await signUp("kim@example.com");
  await signIn(user, password);
  await call(user, "updateAttributes", [new CognitoUserAttribute({ Name: "name", Value: "Kim" })]);
  const attributes = await call(user, "getUserAttributes");
  assert.equal(attributes.find(({ Name }) => Name === "name").Value, "Kim");
  assert.equal(attributes.find(({ Name }) => Name === "email_verified").Value, "true");
  await call(user, "deleteAttributes", ["name"]);
  assert.ok(!(await call(user, "getUserAttributes")).some(({ Name }) => Name === "name"));

  await assert.rejects(call(user, "changePassword", "Wrong-123", newPassword), wrong);
  assert.equal(await call(user, "changePassword", password, newPassword), "SUCCESS");
  await assert.rejects(signIn(userOf("kim@example.com"), password), wrong);

  const [outcome, details] = await flow(user, "forgotPassword");
  assert.equal(outcome, "inputVerificationCode");
  assert.deepEqual(details.CodeDeliveryDetails,
    { AttributeName: "email", DeliveryMedium: "EMAIL", Destination: "k***@e***" });
  await assert.rejects(flow(user, "confirmPassword", "x", password), { name: "CodeMismatchException" });
  await flow(user, "confirmPassword", await codeFor("kim@example.com"), password);
  assert.equal((await signIn(userOf("kim@example.com"), password))[0], "onSuccess");
});

test("an administrator's user chooses a password at the first sign-in", async () => {
  await admin.adminCreateUser({ UserPoolId, Username: "lee@example.com", TemporaryPassword: password,
    UserAttributes: [{ Name: "email", Value: "lee@example.com" }], MessageAction: "SUPPRESS" }).promise();
  const user = userOf("lee@example.com");
  const [outcome, attributes, required] = await signIn(user, password);
  assert.deepEqual([outcome, attributes.email, required], ["newPasswordRequired", "lee@example.com", []]);
  assert.equal((await flow(user, "completeNewPasswordChallenge", newPassword, { name: "Lee" }))[0], "onSuccess");
  assert.equal((await call(user, "getUserAttributes")).find(({ Name }) => Name === "name").Value, "Lee");
});

// refresh is one attempt. The library's own goes on for seconds after a refusal.
async function refresh(token) {
  await admin.makeUnauthenticatedRequest("initiateAuth", { ClientId, AuthFlow: "REFRESH_TOKEN_AUTH",
    AuthParameters: { REFRESH_TOKEN: token.getToken() } }).promise();
}
const revoked = (kind) => ({ name: "NotAuthorizedException", message: `${kind} Token has been revoked` });

test("sign-out revokes the tokens of a session, a global one all, and a deleted user is gone", async () => {
  const user = await signUp("max@example.com");
  const other = userOf("max@example.com");
  await signIn(user, password);
  const ended = user.getSignInUserSession().getRefreshToken();
  await refresh(ended);
  await signIn(other, password);
  await new Promise((resolve) => user.signOut(resolve));
  await assert.rejects(refresh(ended), revoked("Refresh"));

  // The other session goes on until a global sign-out.
  const session = other.getSignInUserSession();
  await call(other, "getUserAttributes");
  await refresh(session.getRefreshToken());
  assert.deepEqual(await flow(other, "globalSignOut"), ["onSuccess", "SUCCESS"]);
  other.setSignInUserSession(session);
  await assert.rejects(call(other, "getUserAttributes"), revoked("Access"));
  await assert.rejects(refresh(session.getRefreshToken()), revoked("Refresh"));

  const last = userOf("max@example.com");
  await signIn(last, password);
  assert.equal(await call(last, "deleteUser"), "SUCCESS");
  await assert.rejects(signIn(userOf("max@example.com"), password), wrong);
});
