// Sign a user in by the classic flow. The variable TOKEN has the token of the provider.
import { CognitoIdentityClient, GetIdCommand, GetOpenIdTokenCommand } from '@aws-sdk/client-cognito-identity'
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'

const endpoint = '__ENDPOINT__'
const region = '__REGION__'
const pool = '__POOL_ID__'
const role = '__ROLE_ARN__'
const login = '__LOGIN_KEY__'
const Logins = { [login]: process.env.TOKEN }

const client = new CognitoIdentityClient({ endpoint, region })
const { IdentityId } = await client.send(new GetIdCommand({ IdentityPoolId: pool, Logins }))
const { Token } = await client.send(new GetOpenIdTokenCommand({ IdentityId, Logins }))

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
