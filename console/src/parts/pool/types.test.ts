import { expect, it } from 'vitest'
import { emptyDraft, inputOf, rename, roleName, rolesOf, trustOf, withoutSecrets, X } from './types'

it('always sends AllowClassicFlow, and leaves empty lists out', () => {
  expect(inputOf(emptyDraft())).toEqual({ IdentityPoolName: '', AllowClassicFlow: false })
  expect(inputOf({ ...emptyDraft(), guests: false, classic: true })).toEqual({
    IdentityPoolName: '',
    AllowUnauthenticatedIdentities: false,
    AllowClassicFlow: true,
  })
})

it('joins the key and the secret of X, and takes the secret out of what is written down', () => {
  const draft = emptyDraft()
  draft.social = [
    { id: 1, name: X, app: ' key ', secret: 'secret' },
    { id: 2, name: 'accounts.google.com', app: 'app', secret: '' },
  ]
  const input = inputOf(draft)
  expect(input.SupportedLoginProviders).toEqual({ [X]: 'key;secret', 'accounts.google.com': 'app' })
  expect(JSON.stringify(withoutSecrets(input))).not.toContain('secret')
  expect(withoutSecrets(input).SupportedLoginProviders?.[X]).toBe('key;hidden')
})

it('sends rows and lists', () => {
  const draft = emptyDraft()
  draft.oidc = ['arn:aws:iam::000000000000:oidc-provider/a']
  draft.userPools = [{ id: 1, name: 'u ', client: 'c', check: true }]
  draft.tags = [{ id: 1, key: 'env', value: '' }]
  expect(inputOf(draft)).toMatchObject({
    OpenIdConnectProviderARNs: draft.oidc,
    CognitoIdentityProviders: [{ ProviderName: 'u', ClientId: 'c', ServerSideTokenCheck: true }],
    IdentityPoolTags: { env: '' },
  })
})

it('names new roles by the ARN that they will have', () => {
  const draft = emptyDraft()
  draft.roles.authenticated = { make: true, arn: 'left over', name: 'shop-users' }
  draft.roles.unauthenticated = { make: false, arn: '', name: 'left-over' }
  expect(rolesOf(draft, '000000000000', 'us-east-1')).toEqual({
    authenticated: 'arn:aws:iam::000000000000:role/shop-users',
  })
  expect(rolesOf(draft, '1', 'cn-north-1').authenticated).toMatch(/^arn:aws-cn:/)

  draft.roles.authenticated.name = 'no blanks'
  expect(rolesOf(draft, '000000000000', 'us-east-1')).toEqual({})
})

it('trusts one pool and one kind of users only', () => {
  const trust = JSON.parse(trustOf('us-east-1:1', 'unauthenticated')) as {
    Statement: { Principal: unknown; Condition: unknown }[]
  }
  expect(trust.Statement).toHaveLength(1)
  expect(trust.Statement[0]?.Condition).toEqual({
    StringEquals: { 'cognito-identity.amazonaws.com:aud': 'us-east-1:1' },
    'ForAnyValue:StringLike': { 'cognito-identity.amazonaws.com:amr': 'unauthenticated' },
  })
})

it('renames new roles with the pool, but those that somebody named', () => {
  const draft = emptyDraft()
  draft.roles.authenticated = { make: true, arn: '', name: roleName('', 'authenticated') }
  draft.roles.unauthenticated = { make: true, arn: '', name: 'Visitor' }
  for (const name of ['m', 'my', 'my app']) rename(draft, name)

  expect(draft.name).toBe('my app')
  expect(draft.roles.authenticated.name).toBe('my-app-users')
  expect(draft.roles.unauthenticated.name).toBe('Visitor')
})

it('proposes names that a role may have', () => {
  expect(roleName('My shop, Ünited', 'authenticated')).toMatch(/^[\w+=,.@-]{1,64}$/)
  expect(roleName('  ', 'unauthenticated')).toBe('pool-guests')
  expect(roleName('x'.repeat(128), 'authenticated')).toMatch(/^[\w+=,.@-]{1,64}$/)
})
