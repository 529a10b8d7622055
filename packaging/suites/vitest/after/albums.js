import { CognitoIdentityClient, GetIdCommand } from "@aws-sdk/client-cognito-identity";

/** The app: each user keeps photos in a folder of their own. */
export async function folder(IdentityPoolId, Logins) {
  const client = new CognitoIdentityClient({});
  const { IdentityId } = await client.send(new GetIdCommand({ IdentityPoolId, Logins }));
  return name(IdentityId);
}

export const name = (identity) => `albums/${identity}/`;
