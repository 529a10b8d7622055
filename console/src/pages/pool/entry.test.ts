import { describe, expect, it } from 'vitest'
import { added, changeable, changeFault, replaced, empty, entryOf, faultsOf, type Entry } from './entry'
import { providers, X, type Pool } from './pool'

const oidc = 'arn:aws:iam::000000000000:oidc-provider/login.example.com'
const pool: Pool = {
  IdentityPoolId: 'us-east-1:1',
  IdentityPoolName: 'shop',
  AllowUnauthenticatedIdentities: false,
  OpenIdConnectProviderARNs: [oidc],
  SupportedLoginProviders: { 'graph.facebook.com': '42' },
}
const entry = (of: Partial<Entry>): Entry => ({ ...empty, ...of })

it('adds to what is there', () => {
  expect(added(pool, entry({ name: ` ${oidc}2 ` }))).toEqual({ OpenIdConnectProviderARNs: [oidc, `${oidc}2`] })
  expect(added(pool, entry({ kind: 'social', name: 'api.twitter.com', client: 'k', secret: 's' }))).toEqual({
    SupportedLoginProviders: { 'graph.facebook.com': '42', 'api.twitter.com': 'k;s' },
  })
  expect(added(pool, entry({ kind: 'user-pool', name: 'up', client: 'c' }))).toEqual({
    CognitoIdentityProviders: [{ ProviderName: 'up', ClientId: 'c', ServerSideTokenCheck: true }],
  })
  expect(added({ ...pool, DeveloperProviderName: 'a' }, entry({ kind: 'developer', name: 'b' }))).toEqual({})
})

it.each<[Partial<Entry>, string]>([
  [{ name: oidc }, 'name'],
  [{ name: 'https://login.example.com' }, 'name'],
  [{ kind: 'saml', name: oidc }, 'name'],
  [{ kind: 'social', name: 'graph.facebook.com', client: '1' }, 'name'],
  [{ kind: 'social', name: 'accounts.google.com', client: '1;2' }, 'client'],
  [{ kind: 'social', name: 'api.twitter.com', client: 'k' }, 'secret'],
  [{ kind: 'user-pool', name: 'up' }, 'client'],
])('names the fault of %j', (of, field) =>
  expect(Object.entries(faultsOf(entry(of), pool)).filter(([, fault]) => fault)).toMatchObject([[field, {}]]),
)

it('fills what a link proposes', () => {
  expect(entryOf({ field: 'CognitoIdentityProviders', add: 'up:c' })).toEqual({
    kind: 'user-pool',
    name: 'up',
    client: 'c',
  })
  expect(entryOf({ field: 'CognitoIdentityProviders', add: 'localhost:1/up' })).toEqual({
    kind: 'user-pool',
    name: 'localhost:1/up',
  })
  expect(entryOf({ field: 'CognitoIdentityProviders', add: 'localhost:1/up:c' })).toEqual({
    kind: 'user-pool',
    name: 'localhost:1/up',
    client: 'c',
  })
  expect(entryOf({ field: 'SupportedLoginProviders', add: 'accounts.google.com:1' })).toEqual({
    kind: 'social',
    name: 'accounts.google.com',
    client: '1',
  })
  expect(entryOf({ field: 'constructor', add: 'x:y' })).toEqual({ kind: 'oidc', name: 'x:y' })
  expect(entryOf({ field: 'OpenIdConnectProviderARNs', add: oidc })).toEqual({ kind: 'oidc', name: oidc })
  expect(entryOf({ field: 'SupportedLoginProviders', add: 'x'.repeat(300) })).toEqual({ kind: 'social', name: '' })
})

describe('a provider changed in its place', () => {
  const pool: Pool = {
    IdentityPoolId: 'us-east-1:1',
    IdentityPoolName: 'shop',
    AllowUnauthenticatedIdentities: false,
    SupportedLoginProviders: { [X]: 'key;se;cret', 'accounts.google.com': 'app.example' },
    CognitoIdentityProviders: [
      { ProviderName: 'a', ClientId: '1', ServerSideTokenCheck: true },
      { ProviderName: 'a', ClientId: '2' },
    ],
  }
  const of = (name: string, client = '') => {
    const found = providers(pool).find((one) => one.name === name && (!client || one.client === client))
    if (!found) throw new Error(`no ${name}`)
    return changeable(found, pool)
  }

  it('begins without the secret', () => {
    expect(of(X)).toMatchObject({ client: 'key', secret: '' })
    expect(of('accounts.google.com')).toMatchObject({ client: 'app.example', secret: '' })
    expect(of('a', '1').check).toBe(true)
    expect(of('a', '2').check).toBe(false)
  })

  it.each([
    [{}, 'key;se;cret'],
    [{ client: 'other' }, 'other;se;cret'],
    [{ secret: ' new ' }, 'key;new'],
    [{ client: 'other', secret: 'new' }, 'other;new'],
  ])('keeps or replaces the secret of X: %j', (typed, app) => {
    expect(replaced(pool, { ...of(X), ...typed })).toEqual({
      SupportedLoginProviders: { [X]: app, 'accounts.google.com': 'app.example' },
    })
  })

  it('changes one app client of a user pool', () => {
    expect(replaced(pool, { ...of('a', '2'), check: true })).toEqual({
      CognitoIdentityProviders: [
        { ProviderName: 'a', ClientId: '1', ServerSideTokenCheck: true },
        { ProviderName: 'a', ClientId: '2', ServerSideTokenCheck: true },
      ],
    })
  })

  it.each([
    [X, 'key;secret', /field of its own/],
    ['accounts.google.com', 'a;b', /one app ID/],
    ['accounts.google.com', ' ', /Give the app ID/],
    [X, 'key', /^$/],
  ])('finds what %s lacks with %j', (name, client, fault) => {
    expect(changeFault({ ...of(name), client })).toMatch(fault)
  })
})
