// A CDK app with a stack for each usual shape of identity pools; cdk_test.go applies what
// the newest CDK makes of it.
import { App, Aws, CfnCondition, CfnMapping, CfnOutput, CfnParameter, Duration, Fn, LegacyStackSynthesizer, Stack, Tags }
  from 'aws-cdk-lib'
import { CfnIdentityPool, CfnIdentityPoolPrincipalTag, CfnIdentityPoolRoleAttachment, CfnUserPoolGroup, StringAttribute,
  UserPool, UserPoolGroup } from 'aws-cdk-lib/aws-cognito'
import { IdentityPool, IdentityPoolProviderUrl, UserPoolAuthenticationProvider } from 'aws-cdk-lib/aws-cognito-identitypool'
import { ArnPrincipal, FederatedPrincipal, ManagedPolicy, OidcProviderNative, OpenIdConnectProvider, PolicyStatement,
  Role, SamlMetadataDocument, SamlProvider } from 'aws-cdk-lib/aws-iam'
import { AmplifyAuth } from '@aws-amplify/auth-construct'

const app = new App()

const allow = (action, ...resources) => new PolicyStatement({ actions: [action], resources })

const ofPool = (pool, amr) => new FederatedPrincipal('cognito-identity.amazonaws.com', {
  StringEquals: { 'cognito-identity.amazonaws.com:aud': pool },
  'ForAnyValue:StringLike': { 'cognito-identity.amazonaws.com:amr': amr },
}, 'sts:AssumeRoleWithWebIdentity')

const output = (stack, name, value, more) => new CfnOutput(stack, name, { value, ...more })

{
  const stack = new Stack(app, 'Minimal')
  const pool = new IdentityPool(stack, 'Pool', { allowUnauthenticatedIdentities: true })
  output(stack, 'PoolId', pool.identityPoolId)
}

{
  const stack = new Stack(app, 'Legacy', { synthesizer: new LegacyStackSynthesizer() })
  output(stack, 'PoolId', new IdentityPool(stack, 'Pool', { identityPoolName: 'legacy' }).identityPoolId)
}

{
  const stack = new Stack(app, 'Providers')
  const users = new UserPool(stack, 'Users')
  const client = users.addClient('Client')
  new CfnUserPoolGroup(stack, 'Group', { userPoolId: users.userPoolId, groupName: 'admins' })
  const oidc = new OpenIdConnectProvider(stack, 'Oidc', { url: 'https://idp.example.com', clientIds: ['web'] })
  const native = new OidcProviderNative(stack, 'Native', {
    url: 'https://native.example.com', clientIds: ['web'], thumbprints: ['a'.repeat(40)],
  })
  const saml = new SamlProvider(stack, 'Saml', { metadataDocument: SamlMetadataDocument.fromFile('saml.xml') })
  const admin = new Role(stack, 'Admin', { assumedBy: ofPool(Aws.REGION + ':11111111-2222-4333-8444-555555555555', 'authenticated') })
  const pool = new IdentityPool(stack, 'Pool', {
    identityPoolName: 'providers',
    allowUnauthenticatedIdentities: true,
    allowClassicFlow: true,
    authenticationProviders: {
      userPools: [new UserPoolAuthenticationProvider({ userPool: users, userPoolClient: client })],
      google: { clientId: '1.apps.googleusercontent.com' },
      amazon: { appId: 'amzn1.application.x' },
      facebook: { appId: '123' },
      apple: { servicesId: 'com.example' },
      openIdConnectProviders: [oidc, native],
      samlProviders: [saml],
      customProvider: 'my.app',
    },
    roleMappings: [
      {
        providerUrl: IdentityPoolProviderUrl.GOOGLE,
        resolveAmbiguousRoles: true,
        rules: [{ claim: 'email', claimValue: 'a@example.com', mappedRole: admin }],
      },
      { providerUrl: IdentityPoolProviderUrl.userPool(users, client), mappingKey: 'users', useToken: true },
    ],
  })
  pool.authenticatedRole.addToPrincipalPolicy(allow('s3:GetObject', 'arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub}/*'))
  output(stack, 'PoolId', pool.identityPoolId, { exportName: 'providers-pool' })
  output(stack, 'Issuer', oidc.openIdConnectProviderIssuer)
  output(stack, 'UserPoolId', users.userPoolId)
}

{
  const stack = new Stack(app, 'L1')
  const name = new CfnParameter(stack, 'PoolName', { default: 'l1pool', allowedPattern: '[a-z0-9]+', maxLength: 20 })
  const clients = new CfnParameter(stack, 'Clients', { type: 'CommaDelimitedList', default: 'web,app' })
  const guests = new CfnParameter(stack, 'Guests', { default: 'true', allowedValues: ['true', 'false'] })
  const lifetimes = new CfnMapping(stack, 'Lifetimes', { mapping: { 'us-east-1': { role: '3600' } } })
  const hasGuests = new CfnCondition(stack, 'HasGuests', { expression: Fn.conditionEquals(guests, 'true') })
  Tags.of(stack).add('stack', Aws.STACK_NAME)

  const pool = new CfnIdentityPool(stack, 'Pool', {
    identityPoolName: name.valueAsString,
    allowUnauthenticatedIdentities: Fn.conditionIf('HasGuests', true, false),
    developerProviderName: 'my.dev',
    supportedLoginProviders: { 'accounts.google.com': Fn.select(0, Fn.split('|', 'one|two')) },
    identityPoolTags: [{ key: 'client', value: Fn.select(0, clients.valueAsList) }],
  })
  const guest = new Role(stack, 'Guest', { assumedBy: ofPool(pool.ref, 'unauthenticated') })
  guest.node.defaultChild.cfnOptions.condition = hasGuests
  const user = new Role(stack, 'User', { assumedBy: ofPool(pool.ref, 'authenticated'), maxSessionDuration: Duration.hours(2) })
  const bucket = 'arn:${AWS::Partition}:s3:::b-${P}/${!cognito-identity.amazonaws.com:sub}/*'
  user.addToPolicy(allow('s3:GetObject', Fn.sub(bucket, { P: Fn.select(1, Fn.split(':', pool.ref)) })))
  new ManagedPolicy(stack, 'Files', { statements: [allow('s3:List*', '*'), allow('sts:AssumeRole', user.roleArn)], roles: [user] })
  new Role(stack, 'Helper', { assumedBy: new ArnPrincipal(user.roleArn) }).grantAssumeRole(user)

  new CfnIdentityPoolRoleAttachment(stack, 'Roles', {
    identityPoolId: pool.ref,
    roles: { authenticated: user.roleArn, unauthenticated: Fn.conditionIf('HasGuests', guest.roleArn, Aws.NO_VALUE) },
  })
  new CfnIdentityPoolPrincipalTag(stack, 'Tags', {
    identityPoolId: pool.ref, identityProviderName: 'accounts.google.com', principalTags: { user: 'sub' },
  })
  output(stack, 'PoolId', pool.ref)
  output(stack, 'Lifetime', lifetimes.findInMap(Aws.REGION, 'role'))
  output(stack, 'GuestRole', guest.roleArn, { condition: hasGuests })
}

{
  const stack = new Stack(app, 'Users')
  const users = new UserPool(stack, 'Users', {
    selfSignUpEnabled: true,
    signInAliases: { email: true },
    autoVerify: { email: true },
    passwordPolicy: { minLength: 10, requireSymbols: false },
    standardAttributes: { fullname: { required: false, mutable: true } },
    customAttributes: { plan: new StringAttribute({ mutable: true, maxLen: 20 }) },
  })
  const client = users.addClient('App', { authFlows: { userPassword: true, userSrp: true }, accessTokenValidity: Duration.minutes(30) })
  const pool = new IdentityPool(stack, 'Pool', {
    authenticationProviders: { userPools: [new UserPoolAuthenticationProvider({ userPool: users, userPoolClient: client })] },
    roleMappings: [{ providerUrl: IdentityPoolProviderUrl.userPool(users, client), mappingKey: 'users', useToken: true, resolveAmbiguousRoles: true }],
  })
  const editor = new Role(stack, 'Editor', { roleName: 'Editor', assumedBy: ofPool(pool.identityPoolId, 'authenticated') })
  new UserPoolGroup(stack, 'Editors', { userPool: users, groupName: 'editors', precedence: 1, role: editor })
  output(stack, 'PoolId', pool.identityPoolId)
  output(stack, 'UserPoolId', users.userPoolId)
  output(stack, 'ClientId', client.userPoolClientId)
  output(stack, 'Provider', users.userPoolProviderName)
}

new AmplifyAuth(new Stack(app, 'Amplify'), 'auth', { loginWith: { email: true } })

app.synth()
