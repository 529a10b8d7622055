// A pool that is being made: what the form holds, and what the API gets of it.

import { partitionOf } from '../iam'

export interface UserPoolRow {
  id: number // names the row while others come and go
  name: string
  client: string
  check: boolean
}

export interface SocialRow {
  id: number
  name: string
  app: string // the app ID; for X the consumer key
  secret: string // of X
}

export interface TagRow {
  id: number
  key: string
  value: string
}

export type RoleKind = 'authenticated' | 'unauthenticated'

export interface RoleChoice {
  make: boolean // a new role, made between the pool and its roles
  arn: string
  name: string // of the new role
}

export interface Draft {
  guests: boolean | null // null: not chosen yet
  roles: Record<RoleKind, RoleChoice>
  social: SocialRow[]
  oidc: string[]
  saml: string[]
  userPools: UserPoolRow[]
  developer: string
  name: string
  classic: boolean
  tags: TagRow[]
  sessionTags: boolean // the default principal tags, for each provider
}

/** CreateInput is the input of CreateIdentityPool. */
export interface CreateInput {
  IdentityPoolName: string
  AllowUnauthenticatedIdentities?: boolean
  AllowClassicFlow: boolean
  SupportedLoginProviders?: Record<string, string>
  DeveloperProviderName?: string
  OpenIdConnectProviderARNs?: string[]
  CognitoIdentityProviders?: { ProviderName: string; ClientId: string; ServerSideTokenCheck: boolean }[]
  SamlProviderARNs?: string[]
  IdentityPoolTags?: Record<string, string>
}

export const X = 'api.twitter.com'

/** socials are the public providers, with the names that logins have. */
export const socials: { name: string; words: string }[] = [
  { name: 'accounts.google.com', words: 'Google' },
  { name: 'appleid.apple.com', words: 'Apple' },
  { name: 'graph.facebook.com', words: 'Facebook' },
  { name: 'www.amazon.com', words: 'Amazon' },
  { name: X, words: 'X' },
]

export const kinds: RoleKind[] = ['authenticated', 'unauthenticated']

let last = 0

/** rowID names a new row. */
export const rowID = (): number => ++last

export function emptyDraft(): Draft {
  return {
    guests: null,
    roles: {
      authenticated: { make: false, arn: '', name: '' },
      unauthenticated: { make: false, arn: '', name: '' },
    },
    social: [],
    oidc: [],
    saml: [],
    userPools: [],
    developer: '',
    name: '',
    classic: false,
    tags: [],
    sessionTags: false,
  }
}

/**
 * inputOf returns what CreateIdentityPool gets. Lists without an entry are left out; AllowClassicFlow is always there,
 * because without it the classic flow is allowed.
 */
export function inputOf(draft: Draft): CreateInput {
  const input: CreateInput = { IdentityPoolName: draft.name, AllowClassicFlow: draft.classic }
  if (draft.guests !== null) input.AllowUnauthenticatedIdentities = draft.guests
  if (draft.social.length > 0)
    input.SupportedLoginProviders = Object.fromEntries(
      draft.social.map((row) => [row.name, row.name === X ? `${row.app.trim()};${row.secret.trim()}` : row.app.trim()]),
    )
  if (draft.developer) input.DeveloperProviderName = draft.developer
  if (draft.oidc.length > 0) input.OpenIdConnectProviderARNs = [...draft.oidc]
  if (draft.userPools.length > 0)
    input.CognitoIdentityProviders = draft.userPools.map((row) => ({
      ProviderName: row.name.trim(),
      ClientId: row.client.trim(),
      ServerSideTokenCheck: row.check,
    }))
  if (draft.saml.length > 0) input.SamlProviderARNs = [...draft.saml]
  if (draft.tags.length > 0) input.IdentityPoolTags = Object.fromEntries(draft.tags.map((row) => [row.key, row.value]))

  return input
}

/** withoutSecrets returns an input that may be written down: a secret in it is replaced. */
export function withoutSecrets(input: CreateInput): CreateInput {
  const app = input.SupportedLoginProviders?.[X]
  if (app === undefined) return input

  return {
    ...input,
    SupportedLoginProviders: { ...input.SupportedLoginProviders, [X]: `${app.split(';')[0]};hidden` },
  }
}

/** roleARN returns the ARN that a new role of the account gets. */
export function roleARN(name: string, account: string, region: string): string {
  return `arn:${partitionOf(region)}:iam::${account}:role/${name}`
}

/** namesRole tells whether a new role can have a name. */
export const namesRole = (name: string): boolean => /^[\w+=,.@-]{1,64}$/.test(name)

/**
 * rolesOf returns the roles that SetIdentityPoolRoles gets, new ones by the ARN that they will have. A name that no role
 * can have makes no ARN: it is one fault, and the server's would be another one.
 */
export function rolesOf(draft: Draft, account: string, region: string): Record<string, string> {
  const roles: Record<string, string> = {}
  for (const kind of kinds) {
    const choice = draft.roles[kind]
    const arn = choice.make ? (namesRole(choice.name) ? roleARN(choice.name, account, region) : '') : choice.arn.trim()
    if (arn) roles[kind] = arn
  }

  return roles
}

export interface TagMap {
  IdentityProviderName: string
  UseDefaults: true
}

/** tagMapsOf returns what SetPrincipalTagAttributeMap gets, a map for each provider. */
export function tagMapsOf(draft: Draft): TagMap[] {
  if (!draft.sessionTags) return []
  const names = [
    ...draft.userPools.map((row) => row.name.trim()),
    ...draft.oidc,
    ...draft.saml,
    ...draft.social.map((row) => row.name),
  ]

  return [...new Set(names)].map((name) => ({ IdentityProviderName: name, UseDefaults: true }))
}

/** twice returns a key that two tags have; '' if there is none. */
export function twice(tags: TagRow[]): string {
  return tags.find((one, n) => tags.some((other, m) => m < n && other.key === one.key))?.key ?? ''
}

/** trustOf returns the trust policy of a role that only users, or only guests, of one pool can take. */
export function trustOf(pool: string, kind: RoleKind): string {
  const name = 'cognito-identity.amazonaws.com'

  return JSON.stringify(
    {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: name },
          Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
          Condition: {
            StringEquals: { [`${name}:aud`]: pool },
            'ForAnyValue:StringLike': { [`${name}:amr`]: kind },
          },
        },
      ],
    },
    null,
    2,
  )
}

/** roleName proposes a name for a new role: from the pool's name, of the characters that a role's name may have. */
export function roleName(pool: string, kind: RoleKind): string {
  const base = pool
    .replace(/[^\w+=,.@-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50)

  return `${base || 'pool'}-${kind === 'authenticated' ? 'users' : 'guests'}`
}

/** rename gives a pool's draft its name. New roles that have a proposed name still get one of the new name. */
export function rename(draft: Draft, name: string): void {
  for (const kind of kinds) {
    const choice = draft.roles[kind]
    if (choice.make && choice.name === roleName(draft.name, kind)) choice.name = roleName(name, kind)
  }
  draft.name = name
}

/** shownInput returns the values of one field in words, without secrets. Roles are no field of the input. */
export function shownInput(input: CreateInput, sessionTags: boolean, field: string): string[] {
  switch (field) {
    case 'AllowUnauthenticatedIdentities':
      return input[field] === undefined ? [] : [input[field] ? 'allowed' : 'not allowed']
    case 'AllowClassicFlow':
      return [input[field] ? 'allowed' : 'not allowed']
    case 'PrincipalTags':
      return sessionTags ? ['default tags, for each provider'] : []
    case 'SupportedLoginProviders':
      return Object.entries(input[field] ?? {}).map(
        ([name, app]) => `${name}: ${name === X ? `${app.split(';')[0]};••••••••` : app}`,
      )
    case 'CognitoIdentityProviders':
      return (input[field] ?? []).map(
        (one) => `${one.ProviderName}, client ${one.ClientId}${one.ServerSideTokenCheck ? ', with token check' : ''}`,
      )
    case 'IdentityPoolTags':
      return Object.entries(input[field] ?? {}).map(([key, value]) => `${key} = ${value}`)
    case 'OpenIdConnectProviderARNs':
    case 'SamlProviderARNs':
      return input[field] ?? []
    case 'DeveloperProviderName':
    case 'IdentityPoolName':
      return input[field] ? [input[field]] : []
    default:
      return []
  }
}
