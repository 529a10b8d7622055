import { expect, it } from 'vitest'
import { classicOf, differences, proposalOf, providers, same, shownApp, wholeUpdate, without, type Pool } from './pool'

const arn = 'arn:aws:iam::000000000000:oidc-provider/127.0.0.1:4566/dev'
const pool: Pool = {
  IdentityPoolId: 'us-east-1:1',
  IdentityPoolName: 'shop',
  AllowUnauthenticatedIdentities: false,
  SupportedLoginProviders: { 'api.twitter.com': 'key;secret', 'graph.facebook.com': '42' },
  DeveloperProviderName: 'login.shop',
  OpenIdConnectProviderARNs: [arn],
  CognitoIdentityProviders: [
    { ProviderName: 'up', ClientId: 'a', ServerSideTokenCheck: true },
    { ProviderName: 'up', ClientId: 'b' },
  ],
  IdentityPoolTags: { team: 'x' },
}

it('sends everything that was read, and always whether the classic flow is allowed', () => {
  expect(wholeUpdate(pool)).toEqual({ ...pool, AllowClassicFlow: true, SamlProviderARNs: [] })
  expect(wholeUpdate({ ...pool, AllowClassicFlow: false }, { IdentityPoolName: 'new' })).toMatchObject({
    AllowClassicFlow: false,
    IdentityPoolName: 'new',
    SupportedLoginProviders: pool.SupportedLoginProviders,
    CognitoIdentityProviders: pool.CognitoIdentityProviders,
  })
})

it('lists providers with their keys, and no secret', () => {
  const list = providers(pool)
  expect(list.map((one) => [one.kind, one.login, one.rules])).toEqual([
    ['user-pool', 'up', 'up:a'],
    ['user-pool', 'up', 'up:b'],
    ['oidc', '127.0.0.1:4566/dev', arn],
    ['social', 'api.twitter.com', 'api.twitter.com'],
    ['social', 'graph.facebook.com', 'graph.facebook.com'],
    ['developer', 'login.shop', ''],
  ])
  expect(JSON.stringify(list)).not.toContain('secret')
  expect(shownApp('graph.facebook.com', '1;2')).toBe('1;2')
})

it('removes one provider', () => {
  for (const gone of providers(pool)) {
    const left = providers({ ...pool, ...without(pool, gone) }).map((one) => one.kind + one.name + one.client)
    expect(left).toHaveLength(gone.kind === 'developer' ? 6 : 5)
    if (gone.kind !== 'developer') expect(left).not.toContain(gone.kind + gone.name + gone.client)
  }
})

it('compares without the order of members', () => {
  expect(same({ a: 1, b: [1, 2], c: undefined }, { b: [1, 2], a: 1 })).toBe(true)
  expect(same({ b: [1, 2] }, { b: [2, 1] })).toBe(false)
})

it('names differences by their place, and masks the secret', () => {
  expect(differences({ Roles: { a: 'x' }, L: [{ v: 1 }] }, { Roles: { a: 'y', b: 'z' }, L: [{ v: 2 }] })).toEqual([
    { path: 'Roles › a', mine: 'x', theirs: 'y' },
    { path: 'Roles › b', mine: '', theirs: 'z' },
    { path: 'L › 1 › v', mine: '1', theirs: '2' },
  ])
  const masked = differences(pool, { ...pool, SupportedLoginProviders: { 'api.twitter.com': 'key;other' } })
  expect(masked).toContainEqual({
    path: 'SupportedLoginProviders › api.twitter.com',
    mine: 'key;••••••••',
    theirs: 'key;•••••••• (another secret)',
  })
  expect(JSON.stringify(masked)).not.toMatch(/;secret|other"/)
})

it.each([
  ['field=Roles&add=x', { field: 'Roles', add: 'x', tab: 'roles' }],
  ['field=AllowClassicFlow', { field: 'AllowClassicFlow', add: '', tab: 'settings' }],
  [`field=Roles&add=${'x'.repeat(2049)}`, { field: 'Roles', add: '', tab: 'roles' }],
  ['field=toString', null],
  ['add=x', null],
])('reads the proposal of %j', (query, want) => expect(proposalOf(new URLSearchParams(query))).toEqual(want))

it('closes the classic flow with role rules', () => {
  expect(classicOf({})).toEqual({})
  expect(classicOf({ Roles: { authenticated: 'arn' }, RoleMappings: {} })).toEqual({ authenticated: 'arn' })
  expect(classicOf({ Roles: { authenticated: 'arn' }, RoleMappings: { 'accounts.google.com': {} } })).toBeNull()
})
