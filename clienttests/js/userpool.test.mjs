// Amplify in Chromium with a user pool and an identity pool of one `poolhouse dev`, both by their endpoint
// settings: all that an app with passwords does. The page's program is userpool-app.mjs.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import AWS from "aws-sdk";

import { app } from "./pages.mjs";
import { codeFor, issued, members, rotating, users } from "./userpool-codes.mjs";

const { STORE, FORWARD } = process.env;
const { endpoint } = users;
const admin = new AWS.CognitoIdentityServiceProvider({
  endpoint, region: "us-east-1", accessKeyId: "test", secretAccessKey: "test" });

const site = await app("userpool-app.mjs");
after(() => site.close());

const password = "Secret-123", newPassword = "Secret-456";

// open returns functions of the page's program, in a page without anything kept. A refused call throws an
// error with the refusal's name.
async function open(pools = users) {
  const page = await site.open("/blank");
  await page.evaluate(() => { localStorage.clear(); sessionStorage.clear(); });
  await page.reload();
  const call = async (name, ...inputs) => {
    const { value, error } = await page.evaluate(async ([name, inputs]) => {
      const program = await import("/userpool-app.mjs");
      try {
        return { value: await program[name](...inputs) };
      } catch ({ name, message }) {
        return { error: { name, message } };
      }
    }, [name, inputs]);
    if (error) throw Object.assign(new Error(error.message), { name: error.name });
    return value;
  };
  const methods = new Proxy({}, { get: (_, name) => (...inputs) => call(name, ...inputs) });
  await methods.configure(pools);
  return { page, auth: methods };
}

// signUp makes a confirmed user.
async function signUp(auth, email) {
  await auth.signUp({ username: email, password, options: { userAttributes: { email } } });
  await auth.confirmSignUp({ username: email, confirmationCode: await codeFor(email) });
}

const wrong = { name: "NotAuthorizedException", message: "Incorrect username or password." };
const done = { isSignedIn: true, nextStep: { signInStep: "DONE" } };
const folder = (name) => `${STORE}/photos/${encodeURIComponent(name)}/note.txt`;

test("the server prints the configuration of the app", () => {
  const { userPoolId, userPoolClientId, identityPoolId } = users;
  assert.deepEqual(JSON.parse(process.env.AMPLIFY), { Auth: { Cognito: {
    userPoolId, userPoolClientId, userPoolEndpoint: endpoint,
    identityPoolId, identityPoolEndpoint: endpoint, allowGuestAccess: true } } });
});

test("a new user signs up, in, gets credentials, and writes to a bucket", async () => {
  const { page, auth } = await open();
  const username = "ann@example.com";
  const made = await auth.signUp({ username, password, options: { userAttributes: { email: username } } });
  assert.equal(made.isSignUpComplete, false);
  assert.match(made.userId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(made.nextStep, { signUpStep: "CONFIRM_SIGN_UP", codeDeliveryDetails: {
    deliveryMedium: "EMAIL", destination: "a***@e***", attributeName: "email" } });
  await assert.rejects(auth.signUp({ username, password, options: { userAttributes: { email: username } } }),
    { name: "UsernameExistsException" });

  // Before the code the user cannot sign in, and Amplify tells the app to ask for it.
  assert.deepEqual(await auth.signIn({ username, password }),
    { isSignedIn: false, nextStep: { signInStep: "CONFIRM_SIGN_UP" } });
  const first = await codeFor(username);
  await assert.rejects(auth.confirmSignUp({ username, confirmationCode: first === "000000" ? "1" : "000000" }),
    { name: "CodeMismatchException", message: "Invalid verification code provided, please try again." });
  const { destination } = await auth.resendSignUpCode({ username });
  assert.equal(destination, "a***@e***");
  assert.deepEqual(await auth.confirmSignUp({ username, confirmationCode: await codeFor(username) }),
    { isSignUpComplete: true, nextStep: { signUpStep: "DONE" } });

  await assert.rejects(auth.signIn({ username, password: "Wrong-123" }), wrong);
  assert.deepEqual(await auth.signIn({ username, password }), done);
  const { userId, signInDetails } = await auth.getCurrentUser();
  assert.equal(userId, made.userId);
  assert.deepEqual(signInDetails, { loginId: username, authFlowType: "USER_SRP_AUTH" });

  const { identityId, credentials, id, access, userSub } = await auth.session();
  assert.equal(userSub, made.userId);
  assert.match(identityId, /^us-east-1:[0-9a-f-]{36}$/);
  assert.match(credentials.accessKeyId, /^ASIA/);
  assert.deepEqual([id.claims.token_use, id.claims.aud, id.claims.iss, id.claims.email, id.claims.email_verified],
    ["id", "app", `${endpoint}/us-east-1_Users`, username, true]);
  assert.deepEqual([access.claims.token_use, access.claims.client_id, access.claims.scope],
    ["access", "app", "aws.cognito.signin.user.admin"]);

  await auth.write({ endpoint: FORWARD, folder: identityId, text: "by ann" });
  assert.equal(await (await fetch(folder(identityId))).text(), "by ann");
  assert.equal(await auth.read({ endpoint: FORWARD, folder: identityId }), "by ann");
  await assert.rejects(auth.write({ endpoint: FORWARD, folder: "other", text: "x" }), { name: "AccessDenied" });
  assert.equal((await fetch(folder("other"))).status, 404);
  await page.close();
});

// The flows by which Amplify sends a password. USER_SRP_AUTH is its default.
for (const options of [
  { authFlowType: "USER_SRP_AUTH" },
  { authFlowType: "USER_PASSWORD_AUTH" },
  { authFlowType: "USER_AUTH", preferredChallenge: "PASSWORD" },
  { authFlowType: "USER_AUTH", preferredChallenge: "PASSWORD_SRP" },
]) {
  const name = Object.values(options).join(", ");
  test(`sign-in by ${name}`, async () => {
    const { page, auth } = await open();
    const username = `${name.replaceAll(/\W+/g, "-").toLowerCase()}@example.com`;
    await signUp(auth, username);
    await assert.rejects(auth.signIn({ username, password: "Wrong-123", options }), wrong);
    await assert.rejects(auth.signIn({ username: "nobody@example.com", password, options }), wrong);
    assert.deepEqual(await auth.signIn({ username, password, options }), done);
    assert.ok((await auth.session()).credentials.sessionToken);
    await page.close();
  });
}

test("a session is refreshed and survives a reload", async () => {
  const { page, auth } = await open();
  await signUp(auth, "refresh@example.com");
  await auth.signIn({ username: "refresh@example.com", password });
  const before = await auth.session();
  const calls = [];
  page.on("request", (request) => calls.push(request.headers()["x-amz-target"]));
  const now = await auth.session({ forceRefresh: true });
  assert.ok(calls.includes("AWSCognitoIdentityProviderService.GetTokensFromRefreshToken"), calls.join());
  assert.notEqual(now.access.text, before.access.text);
  assert.notEqual(now.credentials.accessKeyId, before.credentials.accessKeyId);
  assert.equal(now.identityId, before.identityId);
  assert.deepEqual([now.id.claims.sub, now.id.claims.origin_jti, now.id.claims.auth_time],
    [before.id.claims.sub, before.id.claims.origin_jti, before.id.claims.auth_time]);

  await page.reload();
  await auth.configure(users);
  const later = await auth.session();
  assert.equal(later.access.text, now.access.text);
  assert.equal(later.identityId, before.identityId);
  await page.close();
});

test("a user chooses how to prove the password", async () => {
  const { page, auth } = await open();
  const username = "choice@example.com";
  await signUp(auth, username);
  for (const way of ["PASSWORD", "PASSWORD_SRP"]) {
    const { nextStep } = await auth.signIn({ username, options: { authFlowType: "USER_AUTH" } });
    assert.deepEqual([nextStep.signInStep, nextStep.availableChallenges.toSorted()],
      ["CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION", ["PASSWORD", "PASSWORD_SRP"]]);
    const { nextStep: chosen } = await auth.confirmSignIn({ challengeResponse: way });
    assert.equal(chosen.signInStep, "CONFIRM_SIGN_IN_WITH_PASSWORD");
    assert.deepEqual(await auth.confirmSignIn({ challengeResponse: password }), done, way);
    await auth.signOut();
  }
  await page.close();
});

test("refresh tokens rotate for a client that asks for it", async () => {
  const { page, auth } = await open(rotating);
  await signUp(auth, "rotating@example.com");
  await auth.signIn({ username: "rotating@example.com", password });
  const tokens = [await kept(page, "refreshToken")];
  for (const _ of [1, 2]) {
    assert.ok((await auth.session({ forceRefresh: true })).id);
    tokens.push(await kept(page, "refreshToken"));
  }
  assert.equal(new Set(tokens).size, 3);
  assert.match(await client("GetTokensFromRefreshToken", { ClientId: "rotating", RefreshToken: tokens[0] }),
    /^400 RefreshTokenReuseException/);
  await page.close();
});

test("tokens with the issuer of AWS give credentials", async () => {
  const { page, auth } = await open(issued);
  await signUp(auth, "issued@example.com");
  await auth.signIn({ username: "issued@example.com", password });
  const { id, identityId } = await auth.session();
  assert.equal(id.claims.iss, "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Issued");
  await auth.write({ endpoint: FORWARD, folder: identityId, text: "issued" });
  await auth.signOut();
  await page.close();
});

test("what is not simulated is refused in words", async () => {
  const { page, auth } = await open();
  await signUp(auth, "mfa@example.com");
  await auth.signIn({ username: "mfa@example.com", password });
  assert.equal((await auth.fetchMFAPreference()).enabled, undefined);
  const refused = { name: "InvalidParameterException", message: /do not simulate / };
  await assert.rejects(auth.setUpTOTP(), refused);
  await assert.rejects(auth.updateMFAPreference({ totp: "PREFERRED" }), refused);
  await assert.rejects(auth.listWebAuthnCredentials(), refused);
  await assert.rejects(auth.associateWebAuthnCredential(), refused);
  assert.ok((await auth.session({ forceRefresh: true })).id, "the session goes on");
  await auth.signOut();

  const username = "mfa@example.com";
  await assert.rejects(auth.signIn({ username, password, options: { authFlowType: "CUSTOM_WITH_SRP" } }), refused);
  await page.close();
});

test("what a sign-up must not have is refused in AWS's words", async () => {
  const { page, auth } = await open();
  const name = "InvalidParameterException";
  await assert.rejects(auth.signUp({ username: "ann", password }), { name, message: "Username should be an email." });
  await assert.rejects(auth.signUp({ username: "short@example.com", password: "Short-1" }),
    { name: "InvalidPasswordException",
      message: "Password did not conform with policy: Password not long enough" });
  const unknown = { userAttributes: { "custom:x": "1" } };
  await assert.rejects(auth.signUp({ username: "x@example.com", password, options: unknown }), { name });

  // The e-mail address that a user signs up with is the attribute.
  await auth.signUp({ username: "Bare@example.com", password });
  await auth.confirmSignUp({ username: "Bare@example.com", confirmationCode: await codeFor("Bare@example.com") });
  await auth.signIn({ username: "Bare@example.com", password });
  assert.equal((await auth.fetchUserAttributes()).email, "Bare@example.com");
  await page.close();
});

for (const autoSignIn of [true, { authFlowType: "USER_AUTH" }]) {
  test(`sign-up with autoSignIn ${JSON.stringify(autoSignIn)} ends signed in`, async () => {
    const { page, auth } = await open();
    const username = `auto-${autoSignIn === true ? "password" : "session"}@example.com`;
    await auth.signUp({ username, password, options: { userAttributes: { email: username }, autoSignIn } });
    const { nextStep } = await auth.confirmSignUp({ username, confirmationCode: await codeFor(username) });
    assert.deepEqual(nextStep, { signUpStep: "COMPLETE_AUTO_SIGN_IN" });
    assert.deepEqual(await auth.autoSignIn(), done);
    assert.ok((await auth.session()).id);
    await page.close();
  });
}

test("passwords are changed, and reset by a code", async () => {
  const { page, auth } = await open();
  const username = "forgetful@example.com";
  await signUp(auth, username);
  await auth.signIn({ username, password });
  await assert.rejects(auth.updatePassword({ oldPassword: "Wrong-123", newPassword }), wrong);
  await assert.rejects(auth.updatePassword({ oldPassword: password, newPassword: "short" }),
    { name: "InvalidPasswordException" });
  await auth.updatePassword({ oldPassword: password, newPassword });
  await auth.signOut();
  await assert.rejects(auth.signIn({ username, password }), wrong);
  assert.deepEqual(await auth.signIn({ username, password: newPassword }), done);
  await auth.signOut();

  assert.deepEqual(await auth.resetPassword({ username }), { isPasswordReset: false, nextStep: {
    resetPasswordStep: "CONFIRM_RESET_PASSWORD_WITH_CODE",
    codeDeliveryDetails: { deliveryMedium: "EMAIL", destination: "f***@e***", attributeName: "email" } } });
  await assert.rejects(auth.confirmResetPassword({ username, newPassword: password, confirmationCode: "x" }),
    { name: "CodeMismatchException" });
  const confirmationCode = await codeFor(username);
  await assert.rejects(auth.confirmResetPassword({ username, newPassword: "short", confirmationCode }),
    { name: "InvalidPasswordException" });
  await auth.confirmResetPassword({ username, newPassword: password, confirmationCode });
  await assert.rejects(auth.confirmResetPassword({ username, newPassword, confirmationCode }),
    { name: "CodeMismatchException" }); // used up; the client does not tell whose codes are
  await assert.rejects(auth.signIn({ username, password: newPassword }), wrong);
  assert.deepEqual(await auth.signIn({ username, password }), done);
  await page.close();
});

test("attributes are changed, confirmed and deleted", async () => {
  const { page, auth } = await open();
  await signUp(auth, "old@example.com");
  await auth.signIn({ username: "old@example.com", password });
  assert.deepEqual(await auth.updateUserAttributes({ userAttributes: { name: "Olga", nickname: "O" } }), {
    name: { isUpdated: true, nextStep: { updateAttributeStep: "DONE" } },
    nickname: { isUpdated: true, nextStep: { updateAttributeStep: "DONE" } } });
  await auth.deleteUserAttributes({ userAttributeKeys: ["nickname"] });
  const { email } = await auth.updateUserAttributes({ userAttributes: { email: "new@example.com" } });
  assert.deepEqual(email, { isUpdated: false, nextStep: {
    updateAttributeStep: "CONFIRM_ATTRIBUTE_WITH_CODE",
    codeDeliveryDetails: { deliveryMedium: "EMAIL", destination: "n***@e***", attributeName: "email" } } });
  assert.equal((await auth.fetchUserAttributes()).email_verified, "false");

  await auth.sendUserAttributeVerificationCode({ userAttributeKey: "email" });
  await auth.confirmUserAttribute({
    userAttributeKey: "email", confirmationCode: await codeFor("new@example.com") });
  const { sub, ...kept } = await auth.fetchUserAttributes();
  assert.deepEqual(kept, { email: "new@example.com", email_verified: "true", name: "Olga" });
  const { id } = await auth.session({ forceRefresh: true });
  assert.deepEqual([id.claims.sub, id.claims.name, id.claims.email], [sub, "Olga", "new@example.com"]);
  assert.deepEqual(await auth.fetchDevices(), []);
  await page.close();
});

test("a user with a name signs in by name and by e-mail", async () => {
  const { page, auth } = await open(members);
  await auth.signUp({ username: "mia", password, options: { userAttributes: { email: "mia@example.com" } } });
  await auth.confirmSignUp({ username: "mia", confirmationCode: await codeFor("mia@example.com") });
  const subjects = [];
  for (const username of ["mia", "mia@example.com"]) {
    assert.deepEqual(await auth.signIn({ username, password }), done, username);
    const current = await auth.getCurrentUser();
    assert.equal(current.username, "mia");
    subjects.push(current.userId);
    await auth.signOut();
  }
  assert.equal(subjects[0], subjects[1]);
  await page.close();

  // This client tells who exists, as clients do that do not set PreventUserExistenceErrors.
  const other = await open(members);
  await assert.rejects(other.auth.signIn({ username: "nobody", password }),
    { name: "UserNotFoundException", message: "User does not exist." });
  await other.page.close();
});

test("a guest who signs in keeps the identity, and groups are in the tokens", async () => {
  const { page, auth } = await open();
  const guest = await auth.session();
  assert.match(guest.identityId, /^us-east-1:/);
  assert.equal(guest.id, undefined);
  await assert.rejects(auth.write({ endpoint: FORWARD, folder: guest.identityId, text: "x" }),
    { name: "AccessDenied" });

  await signUp(auth, "guest@example.com");
  await admin.adminAddUserToGroup({
    UserPoolId: users.userPoolId, Username: "guest@example.com", GroupName: "editors" }).promise();
  await auth.signIn({ username: "guest@example.com", password });
  const user = await auth.session();
  assert.equal(user.identityId, guest.identityId);
  assert.deepEqual(user.id.claims["cognito:groups"], ["editors"]);
  assert.deepEqual(user.access.claims["cognito:groups"], ["editors"]);
  await auth.write({ endpoint: FORWARD, folder: user.identityId, text: "no guest now" });

  await auth.signOut();
  const next = await auth.session();
  assert.equal(next.id, undefined);
  assert.notEqual(next.identityId, guest.identityId);
  await page.close();
});

// client calls an operation of a user, as any client of the pool can.
async function client(operation, input) {
  const response = await fetch(endpoint, { method: "POST", body: JSON.stringify(input), headers: {
    "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}` } });
  const { __type, message } = await response.json();
  return response.ok ? "" : `${response.status} ${__type}: ${message}`;
}

// kept returns what the page keeps under a name of Amplify.
const kept = (page, name) => page.evaluate((name) =>
  Object.entries(localStorage).find(([key]) => key.endsWith(`.${name}`))?.[1], name);

// identity asks for credentials with a token that may be old.
async function identity({ IdentityId, token }) {
  const pools = new AWS.CognitoIdentity({ endpoint, region: "us-east-1", accessKeyId: "x", secretAccessKey: "x" });
  const Logins = { [`${new URL(endpoint).host}/${users.userPoolId}`]: token };
  try {
    await pools.makeUnauthenticatedRequest("getCredentialsForIdentity", { IdentityId, Logins }).promise();
    return "";
  } catch ({ code }) {
    return code;
  }
}

const ended = { name: "InvalidToken" }; // of credentials

test("sign-out ends this session with its credentials, and no other of the user", async () => {
  const here = await open();
  await signUp(here.auth, "out@example.com");
  await here.auth.signIn({ username: "out@example.com", password });
  const session = await here.auth.session();
  const RefreshToken = await kept(here.page, "refreshToken");
  assert.equal(await client("GetTokensFromRefreshToken", { ClientId: "app", RefreshToken }), "");
  const elsewhere = new AWS.CognitoIdentityServiceProvider({ endpoint, region: "us-east-1" });
  const { AuthenticationResult: other } = await elsewhere.makeUnauthenticatedRequest("initiateAuth", {
    ClientId: "app", AuthFlow: "USER_PASSWORD_AUTH",
    AuthParameters: { USERNAME: "out@example.com", PASSWORD: password } }).promise();

  await here.auth.write({ endpoint: FORWARD, folder: session.identityId, text: "before" });
  await here.auth.signOut();
  assert.equal(await kept(here.page, "refreshToken"), undefined);
  await assert.rejects(here.auth.getCurrentUser(), { name: "UserUnAuthenticatedException" });
  assert.equal(await client("GetTokensFromRefreshToken", { ClientId: "app", RefreshToken }),
    "400 NotAuthorizedException: Refresh Token has been revoked");
  assert.equal(await client("GetUser", { AccessToken: session.access.text }),
    "400 NotAuthorizedException: Access Token has been revoked");
  assert.equal(await identity({ IdentityId: session.identityId, token: session.id.text }), "NotAuthorizedException");
  await assert.rejects(here.auth.write({
    endpoint: FORWARD, folder: session.identityId, text: "after", credentials: session.credentials }), ended);
  assert.equal(await (await fetch(folder(session.identityId))).text(), "before");
  assert.equal(await client("GetUser", { AccessToken: other.AccessToken }), "");
  assert.equal(await identity({ IdentityId: session.identityId, token: other.IdToken }), "");
  await here.page.close();
});

test("a global sign-out ends all tokens of the user, and the credentials", async () => {
  const { page, auth } = await open();
  await signUp(auth, "global@example.com");
  await auth.signIn({ username: "global@example.com", password });
  const { access, id, identityId, credentials } = await auth.session();
  const old = { IdentityId: identityId, token: id.text };
  const RefreshToken = await kept(page, "refreshToken");
  await auth.write({ endpoint: FORWARD, folder: identityId, text: "before", credentials });
  assert.equal(await identity(old), "");

  await auth.signOut({ global: true });
  assert.equal(await kept(page, "accessToken"), undefined);
  assert.equal(await client("GetUser", { AccessToken: access.text }),
    "400 NotAuthorizedException: Access Token has been revoked");
  assert.equal(await client("GetTokensFromRefreshToken", { ClientId: "app", RefreshToken }),
    "400 NotAuthorizedException: Refresh Token has been revoked");
  assert.equal(await identity(old), "NotAuthorizedException");
  await assert.rejects(auth.write({ endpoint: FORWARD, folder: identityId, text: "after", credentials }), ended);
  assert.equal(await (await fetch(folder(identityId))).text(), "before");

  // The user signs in anew, as the same identity.
  await auth.signIn({ username: "global@example.com", password });
  const anew = await auth.session();
  assert.equal(anew.identityId, identityId);
  await auth.write({ endpoint: FORWARD, folder: identityId, text: "anew" });
  await page.close();
});

test("a deleted user is gone, and the name is another user's", async () => {
  const { page, auth } = await open();
  await signUp(auth, "gone@example.com");
  await auth.signIn({ username: "gone@example.com", password });
  const { access, id, identityId } = await auth.session();
  await auth.deleteUser();
  await assert.rejects(auth.getCurrentUser(), { name: "UserUnAuthenticatedException" });
  await assert.rejects(auth.signIn({ username: "gone@example.com", password }), wrong);
  assert.match(await client("GetUser", { AccessToken: access.text }), /^400 (UserNotFound|NotAuthorized)Exception/);
  assert.equal(await identity({ IdentityId: identityId, token: id.text }), "NotAuthorizedException");

  await signUp(auth, "gone@example.com");
  await auth.signIn({ username: "gone@example.com", password });
  const next = await auth.session();
  assert.notEqual(next.userSub, id.claims.sub);
  assert.notEqual(next.identityId, identityId);
  await page.close();
});

for (const authFlowType of ["USER_SRP_AUTH", "USER_PASSWORD_AUTH"]) {
  test(`an administrator's user chooses a password at the first sign-in by ${authFlowType}`, async () => {
    const username = `${authFlowType.toLowerCase().replaceAll("_", "-")}-made@example.com`;
    await admin.adminCreateUser({
      UserPoolId: users.userPoolId, Username: username, TemporaryPassword: password, MessageAction: "SUPPRESS",
      UserAttributes: [{ Name: "email", Value: username }, { Name: "email_verified", Value: "true" }] }).promise();
    const { page, auth } = await open();
    const { isSignedIn, nextStep } = await auth.signIn({ username, password, options: { authFlowType } });
    assert.deepEqual([isSignedIn, nextStep.signInStep, nextStep.missingAttributes],
      [false, "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED", []]);
    assert.deepEqual(await auth.confirmSignIn({
      challengeResponse: newPassword, options: { userAttributes: { name: "Made" } } }), done);
    assert.equal((await auth.fetchUserAttributes()).name, "Made");
    assert.ok((await auth.session()).credentials);

    await auth.signOut();
    await assert.rejects(auth.signIn({ username, password }), wrong);
    assert.deepEqual(await auth.signIn({ username, password: newPassword }), done);
    await page.close();
  });
}

test("a user whose password an administrator reset is sent to the reset", async () => {
  const { page, auth } = await open();
  const username = "reset@example.com";
  await signUp(auth, username);
  await admin.adminResetUserPassword({ UserPoolId: users.userPoolId, Username: username }).promise();
  assert.deepEqual(await auth.signIn({ username, password }),
    { isSignedIn: false, nextStep: { signInStep: "RESET_PASSWORD" } });
  await auth.confirmResetPassword({ username, newPassword, confirmationCode: await codeFor(username) });
  assert.deepEqual(await auth.signIn({ username, password: newPassword }), done);

  // A disabled user is signed out by the next refresh, and does not get in again.
  await admin.adminDisableUser({ UserPoolId: users.userPoolId, Username: username }).promise();
  assert.equal((await auth.session({ forceRefresh: true })).id, undefined);
  await assert.rejects(auth.getCurrentUser(), { name: "UserUnAuthenticatedException" });
  await assert.rejects(auth.signIn({ username, password: newPassword }),
    { name: "NotAuthorizedException", message: "User is disabled." });
  await page.close();
});
