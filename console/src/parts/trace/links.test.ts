import { expect, test } from 'vitest'
import { ADD, unproven, way } from './links'
import type { Link, Step } from './types'

const pool = 'us-east-1:3b2f6c1e-5f0e-4b7e-9d57-0d4b8f3f1c55'
const arn = (rest: string) => `arn:aws:iam::000000000000:${rest}`
const at = (link: Link) => {
  const to = way({ Source: 'api', ...link })
  return to?.source === 'api' ? [to.path.join('/'), to.query] : to
}

// The fields are those of LinkFields in internal/wiretest.
test.each([
  ['AllowUnauthenticatedIdentities', 'settings'],
  ['AllowClassicFlow', 'settings'],
  ['SupportedLoginProviders', 'providers'],
  ['DeveloperProviderName', 'providers'],
  ['OpenIdConnectProviderARNs', 'providers'],
  ['CognitoIdentityProviders', 'providers'],
  ['SamlProviderARNs', 'providers'],
  ['IdentityPoolTags', 'settings'],
  ['Roles', 'roles'],
  ['RoleMappings', 'roles'],
  ['PrincipalTags', 'tags'],
])('%s of a pool is on its tab %s', (Field, tab) => {
  expect(at({ Kind: 'identity-pool', Id: pool, Field, Add: 'x' })).toEqual([
    `pools/${pool}/${tab}`,
    { field: Field, add: 'x' },
  ])
})

test('a link to a thing of IAM leads to its field', () => {
  expect(at({ Kind: 'role', Id: arn('role/team/User'), Field: 'Policies' })).toEqual([
    'access/roles/User',
    { field: 'Policies' },
  ])
  expect(at({ Kind: 'oidc-provider', Id: arn('oidc-provider/a.example/b'), Field: 'ClientIDList', Add: 'c' })).toEqual([
    'access/oidc/a.example/b',
    { field: 'ClientIDList', add: 'c' },
  ])
  expect(at({ Kind: 'saml-provider', Id: arn('saml-provider/adfs'), Field: 'SAMLMetadataDocument' })).toEqual([
    'access/saml/adfs',
    { field: 'SAMLMetadataDocument' },
  ])
  expect(at({ Kind: 'access-key', Id: 'AKIA1', Field: 'Status' })).toEqual(['access/keys/AKIA1', { field: 'Status' }])
  expect(at({ Kind: 'identity', Id: pool })).toEqual([`identities/${pool}`, {}])
})

test('a link to a missing thing leads to the form that makes one', () => {
  expect(at({ Kind: 'role', Id: arn('role/team/User') })).toEqual(['access/roles', { field: 'RoleName', add: 'User' }])
  expect(at({ Kind: 'oidc-provider', Id: arn('oidc-provider/a.example/b') })).toEqual([
    'access/oidc',
    { field: 'Url', add: 'https://a.example/b' },
  ])
  expect(at({ Kind: 'saml-provider', Id: arn('saml-provider/adfs') })).toEqual([
    'access/saml',
    { field: 'Name', add: 'adfs' },
  ])
  expect(at({ Kind: 'identity-pool', Field: 'Roles' })).toEqual(['pools/new', { field: 'Roles' }])
})

test('a link to the settings file has no page, but a line', () => {
  expect(way({ Kind: 'setting', Id: 'oidc_providers[0].client_ids', Add: 'a"b', Source: 'file' })).toEqual({
    source: 'file',
    setting: 'oidc_providers[0].client_ids',
    line: '# add to oidc_providers[0].client_ids\n- "a\\"b"',
  })
})

test('a client is proposed with the provider of the check', () => {
  const link = { Kind: 'identity-pool', Id: pool, Field: 'CognitoIdentityProviders', Add: 'app', Source: 'api' }
  const to = (of: object, step: object) => {
    const found = way({ ...link, ...of }, step)
    return found?.source === 'api' ? found.query.add : undefined
  }

  expect(to({}, { Provider: 'localhost:1/pool' })).toBe('localhost:1/pool:app')
  expect(to({ Field: 'SupportedLoginProviders' }, { Provider: 'accounts.google.com' })).toBe('accounts.google.com:app')
  expect(to({ Add: 'localhost:1/pool' }, {})).toBe('localhost:1/pool') // the provider itself is missing
  expect(to({ Field: 'OpenIdConnectProviderARNs' }, { Provider: 'a.example' })).toBe('app')
  expect(to({ Add: '' }, { Provider: 'a.example' })).toBeUndefined()
})

test('a check of role rules leads to those of its provider', () => {
  expect(
    way({ Kind: 'identity-pool', Id: pool, Field: 'RoleMappings', Source: 'api' }, { Subject: 'a.example' }),
  ).toMatchObject({ query: { field: 'RoleMappings', add: 'a.example' } })
})

test('a field that every object has leads to the overview', () => {
  expect(at({ Kind: 'identity-pool', Id: pool, Field: 'constructor' })).toEqual([
    `pools/${pool}/overview`,
    { field: 'constructor' },
  ])
})

test('a value with hidden characters is not proposed', () => {
  expect(at({ Kind: 'identity-pool', Id: pool, Field: 'Roles', Add: 'a\u202eb' })).toEqual([
    `pools/${pool}/roles`,
    { field: 'Roles' },
  ])
})

test('a value that is too long is not proposed, and an unknown kind leads nowhere', () => {
  expect(at({ Kind: 'identity-pool', Id: pool, Field: 'Roles', Add: 'x'.repeat(ADD + 1) })).toEqual([
    `pools/${pool}/roles`,
    { field: 'Roles' },
  ])
  expect(way({ Kind: 'teapot', Id: 'x', Source: 'api' })).toBeNull()
})

test('a proposed value is proven only by the signature of the same login', () => {
  const step: Step = {
    Code: 'token-audience',
    Check: 'token audience',
    Provider: 'a',
    OK: false,
    Link: { Kind: 'oidc-provider', Add: 'app' },
  }
  const signed = (Provider: string, OK: boolean): Step => ({ Code: 's', Check: 'token signature', Provider, OK })

  expect(unproven([step], step)).toBe(true)
  expect(unproven([signed('b', true), step], step)).toBe(true)
  expect(unproven([signed('a', false), step], step)).toBe(true)
  expect(unproven([signed('a', true), step], step)).toBe(false)
  expect(unproven([step], { ...step, Link: { Kind: 'oidc-provider' } })).toBe(false)
})
