// Sign a user of your backend in by the classic flow. The variable USER_ID has the user's ID there.
// The first call is signed with the backend's own key.
import { CognitoIdentityClient, GetOpenIdTokenForDeveloperIdentityCommand } from '@aws-sdk/client-cognito-identity'
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'

const endpoint = '__ENDPOINT__'
const region = '__REGION__'
const pool = '__POOL_ID__'
const role = '__ROLE_ARN__'
const login = '__LOGIN_KEY__'

const client = new CognitoIdentityClient({ endpoint, region })
const { IdentityId, Token } = await client.send(
  new GetOpenIdTokenForDeveloperIdentityCommand({
    IdentityPoolId: pool,
    Logins: { [login]: process.env.USER_ID },
  }),
)

const { Credentials } = await new STSClient({ endpoint, region }).send(
  new AssumeRoleWithWebIdentityCommand({ RoleArn: role, RoleSessionName: 'app', WebIdentityToken: Token }),
)
const credentials = {
  accessKeyId: Credentials.AccessKeyId,
  secretAccessKey: Credentials.SecretAccessKey,
  sessionToken: Credentials.SessionToken,
}

const sts = new STSClient({ endpoint, region, credentials })
const { Arn } = await sts.send(new GetCallerIdentityCommand({}))
console.log(IdentityId)
console.log(Arn)
