// A page with react-oidc-context that shows its user's identity.
import { CognitoIdentityClient, GetCredentialsForIdentityCommand, GetIdCommand } from "@aws-sdk/client-cognito-identity";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { AuthProvider, useAuth } from "react-oidc-context";

import { endpoint, identityPoolId } from "./settings.js";

const issuer = `${endpoint}/dev-issuer`;

function App() {
  const auth = useAuth();
  const [identity, setIdentity] = useState("");
  useEffect(() => {
    if (!auth.user) return;
    const client = new CognitoIdentityClient({ region: "us-east-1", endpoint });
    const Logins = { [issuer.replace(/^http:\/\//, "")]: auth.user.id_token };
    (async () => {
      const { IdentityId } = await client.send(new GetIdCommand({ IdentityPoolId: identityPoolId, Logins }));
      const { Credentials } = await client.send(new GetCredentialsForIdentityCommand({ IdentityId, Logins }));
      setIdentity(`${IdentityId} ${Credentials.AccessKeyId}`);
    })();
  }, [auth.user]);

  if (auth.error) return <p role="alert">{auth.error.message}</p>;
  if (!auth.isAuthenticated) return <button onClick={() => auth.signinRedirect()}>Sign in</button>;
  return <p>{auth.user.profile.sub} is <output>{identity}</output></p>;
}

createRoot(document.body.appendChild(document.createElement("div"))).render(
  <AuthProvider authority={issuer} client_id="poolhouse-dev" redirect_uri={`${location.origin}/`} scope="openid email"
    onSigninCallback={() => history.replaceState(null, "", "/")}>
    <App />
  </AuthProvider>);
