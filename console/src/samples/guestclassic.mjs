// Sign a guest in by the classic flow.
import { CognitoIdentityClient, GetIdCommand, GetOpenIdTokenCommand } from '@aws-sdk/client-cognito-identity'
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'

const endpoint = '__ENDPOINT__'
const region = '__REGION__'
const pool = '__POOL_ID__'
const role = '__ROLE_ARN__'

const client = new CognitoIdentityClient({ endpoint, region })
const { IdentityId } = await client.send(new GetIdCommand({ IdentityPoolId: pool }))
const { Token } = await client.send(new GetOpenIdTokenCommand({ IdentityId }))

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
