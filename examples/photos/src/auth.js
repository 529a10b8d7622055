// Signs users in, and trades their login for an identity and credentials.
import { Amplify } from "aws-amplify";
import { decodeJWT, fetchAuthSession } from "aws-amplify/auth";
import { cognitoCredentialsProvider } from "aws-amplify/auth/cognito";

// The ID token of the user who is signed in. It is gone when the page is loaded again.
let idToken = null;

Amplify.configure(
  {
    Auth: {
      Cognito: {
        identityPoolId: import.meta.env.VITE_POOL,
        identityPoolEndpoint: import.meta.env.VITE_POOLHOUSE,
        allowGuestAccess: false,
      },
    },
  },
  {
    Auth: {
      // Amplify asks here for the login in place of a user pool.
      tokenProvider: {
        async getTokens() {
          return idToken && { accessToken: decodeJWT(idToken), idToken: decodeJWT(idToken) };
        },
      },
      credentialsProvider: cognitoCredentialsProvider,
    },
  },
);

// signIn is for development only: `poolhouse dev` gives a token for anybody, by way of Vite's server.
// A real app sends the user to the login page of its provider, and gets the same kind of token back.
export async function signIn(user) {
  const answer = await fetch("/_poolhouse/dev/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ sub: user }),
  });
  const { token, error } = await answer.json();
  if (!answer.ok) throw new Error(error);

  idToken = token;
  const { identityId } = await fetchAuthSession({ forceRefresh: true });

  return { name: user, identityId };
}

export async function signOut() {
  idToken = null;
  await cognitoCredentialsProvider.clearCredentialsAndIdentityId();
}

// credentials are those of the user's role. Amplify renews them in time.
export async function credentials() {
  const session = await fetchAuthSession();
  return session.credentials;
}
