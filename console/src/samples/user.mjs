// Sign a user in. The variable TOKEN has the token of the provider.
import { CognitoIdentityClient, GetCredentialsForIdentityCommand, GetIdCommand } from '@aws-sdk/client-cognito-identity'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'

const endpoint = '__ENDPOINT__'
const region = '__REGION__'
const pool = '__POOL_ID__'
const login = '__LOGIN_KEY__'
const Logins = { [login]: process.env.TOKEN }

const client = new CognitoIdentityClient({ endpoint, region })
const { IdentityId } = await client.send(new GetIdCommand({ IdentityPoolId: pool, Logins }))
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
