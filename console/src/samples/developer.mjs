// Sign a user of your backend in. The variable USER_ID has the user's ID there.
// The first call is signed with the backend's own key.
import {
  CognitoIdentityClient,
  GetCredentialsForIdentityCommand,
  GetOpenIdTokenForDeveloperIdentityCommand,
} from '@aws-sdk/client-cognito-identity'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'

const endpoint = '__ENDPOINT__'
const region = '__REGION__'
const pool = '__POOL_ID__'
const login = '__LOGIN_KEY__'

const client = new CognitoIdentityClient({ endpoint, region })
const { IdentityId, Token } = await client.send(
  new GetOpenIdTokenForDeveloperIdentityCommand({
    IdentityPoolId: pool,
    Logins: { [login]: process.env.USER_ID },
  }),
)
const Logins = { 'cognito-identity.amazonaws.com': Token }
const { Credentials } = await client.send(new GetCredentialsForIdentityCommand({ IdentityId, Logins }))
const credentials = {
  accessKeyId: Credentials.AccessKeyId,
  secretAccessKey: Credentials.SecretKey,
  sessionToken: Credentials.SessionToken,
}

const sts = new STSClient({ endpoint, region, credentials })
const { Arn } = await sts.send(new GetCallerIdentityCommand({}))
console.log(IdentityId)
console.log(Arn)
