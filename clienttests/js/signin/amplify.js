// A page with Amplify, whose tokens come from a generic OpenID Connect client.
import { Amplify } from "aws-amplify";
import { decodeJWT, fetchAuthSession } from "aws-amplify/auth";
import { cognitoCredentialsProvider } from "aws-amplify/auth/cognito";
import { UserManager } from "oidc-client-ts";

import { endpoint, identityPoolId } from "./settings.js";

const users = new UserManager({
  authority: `${endpoint}/dev-issuer`, client_id: "poolhouse-dev", redirect_uri: `${location.origin}/`, scope: "openid" });

Amplify.configure({
  Auth: { Cognito: { identityPoolId, identityPoolEndpoint: endpoint, allowGuestAccess: true } },
}, {
  Auth: {
    credentialsProvider: cognitoCredentialsProvider,
    tokenProvider: {
      getTokens: async () => {
        const user = await users.getUser();
        if (!user) return undefined;
        return { accessToken: decodeJWT(user.id_token), idToken: decodeJWT(user.id_token) };
      },
    },
  },
});

if (new URLSearchParams(location.search).has("code")) await users.signinCallback();
const output = document.body.appendChild(document.createElement("output"));
const user = await users.getUser();
const { identityId, credentials } = await fetchAuthSession();
output.textContent = `${user?.profile.sub ?? "guest"} ${identityId} ${credentials.accessKeyId}`;
if (!user) {
  const button = document.body.appendChild(document.createElement("button"));
  button.textContent = "Sign in";
  button.onclick = () => users.signinRedirect();
}
