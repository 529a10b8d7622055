// A pool as the API has it, what a save must send, and what changed meanwhile.

import { call } from '../../frame/client'
import { loginOf } from '../../parts/providers/arns'

export interface UserPool {
  ProviderName: string
  ClientId: string
  ServerSideTokenCheck?: boolean
}

export interface Pool {
  IdentityPoolId: string
  IdentityPoolName: string
  AllowUnauthenticatedIdentities: boolean
  AllowClassicFlow?: boolean
  SupportedLoginProviders?: Record<string, string>
  DeveloperProviderName?: string
  OpenIdConnectProviderARNs?: string[]
  CognitoIdentityProviders?: UserPool[]
  SamlProviderARNs?: string[]
  IdentityPoolTags?: Record<string, string>
}

export const describe = (id: string, signal?: AbortSignal): Promise<Pool> =>
  call<Pool>('pools', 'DescribeIdentityPool', { IdentityPoolId: id }, signal ? { signal } : {})

/**
 * wholeUpdate returns the input of UpdateIdentityPool: everything that was read, with changes. What is left out there
 * is reset, and a classic flow that is left out is allowed; one that was never set is allowed, too.
 */
export function wholeUpdate(pool: Pool, changes: Partial<Pool> = {}): Pool {
  const whole = { ...pool, ...changes }

  return {
    IdentityPoolId: pool.IdentityPoolId,
    IdentityPoolName: whole.IdentityPoolName,
    AllowUnauthenticatedIdentities: whole.AllowUnauthenticatedIdentities,
    AllowClassicFlow: whole.AllowClassicFlow ?? true,
    SupportedLoginProviders: whole.SupportedLoginProviders ?? {},
    ...(whole.DeveloperProviderName ? { DeveloperProviderName: whole.DeveloperProviderName } : {}),
    OpenIdConnectProviderARNs: whole.OpenIdConnectProviderARNs ?? [],
    CognitoIdentityProviders: whole.CognitoIdentityProviders ?? [],
    SamlProviderARNs: whole.SamlProviderARNs ?? [],
    IdentityPoolTags: whole.IdentityPoolTags ?? {},
  }
}

/** change reads the pool again, changes what is there now, and saves the whole of it. */
export async function change(id: string, how: (now: Pool) => Partial<Pool>): Promise<Pool> {
  const now = await describe(id)

  return call<Pool>('pools', 'UpdateIdentityPool', wholeUpdate(now, how(now)))
}

export type Kind = 'oidc' | 'saml' | 'social' | 'user-pool' | 'developer'

export interface Provider {
  kind: Kind
  name: string // as the pool has it: an ARN, a domain, a user pool
  client: string // the app ID that tokens must be for; '' if another place has it
  login: string // the key of Logins
  rules: string // the key of RoleMappings; '' = no rules
}

export const X = 'api.twitter.com'

/** providers lists what a pool accepts. */
export function providers(pool: Pool): Provider[] {
  const list: Provider[] = []
  for (const one of pool.CognitoIdentityProviders ?? [])
    list.push({
      kind: 'user-pool',
      name: one.ProviderName,
      client: one.ClientId,
      login: one.ProviderName,
      rules: `${one.ProviderName}:${one.ClientId}`,
    })
  for (const arn of pool.OpenIdConnectProviderARNs ?? [])
    list.push({ kind: 'oidc', name: arn, client: '', login: loginOf(arn), rules: arn })
  for (const arn of pool.SamlProviderARNs ?? [])
    list.push({ kind: 'saml', name: arn, client: '', login: arn, rules: arn })
  for (const [name, client] of Object.entries(pool.SupportedLoginProviders ?? {}))
    list.push({ kind: 'social', name, client: shownApp(name, client), login: name, rules: name })
  if (pool.DeveloperProviderName)
    list.push({
      kind: 'developer',
      name: pool.DeveloperProviderName,
      client: '',
      login: pool.DeveloperProviderName,
      rules: '',
    })

  return list
}

/** shownApp returns an app ID without a secret: X has its key and its secret in one text. */
export function shownApp(name: string, id: string): string {
  return name === X ? `${id.split(';')[0]};••••••••` : id
}

/** without returns the change that removes a provider. */
export function without(pool: Pool, gone: Provider): Partial<Pool> {
  switch (gone.kind) {
    case 'user-pool':
      return {
        CognitoIdentityProviders: (pool.CognitoIdentityProviders ?? []).filter(
          (one) => one.ProviderName !== gone.name || one.ClientId !== gone.client,
        ),
      }
    case 'oidc':
      return { OpenIdConnectProviderARNs: (pool.OpenIdConnectProviderARNs ?? []).filter((arn) => arn !== gone.name) }
    case 'saml':
      return { SamlProviderARNs: (pool.SamlProviderARNs ?? []).filter((arn) => arn !== gone.name) }
    case 'social':
      return {
        SupportedLoginProviders: Object.fromEntries(
          Object.entries(pool.SupportedLoginProviders ?? {}).filter(([name]) => name !== gone.name),
        ),
      }
    case 'developer':
      return {}
  }
}

/** same reports whether two values of the API say the same; the order of members does not count, that of lists does. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(ordered(a)) === JSON.stringify(ordered(b))
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value

  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, one]) => [name, ordered(one)]),
  )
}

export interface Difference {
  path: string
  mine: string // '' = not there
  theirs: string
}

/** differences lists where two values differ, each leaf with its path. */
export function differences(mine: unknown, theirs: unknown, path = ''): Difference[] {
  if (same(mine, theirs)) return []
  if (isTree(mine) && isTree(theirs)) {
    const names = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])]

    return names.flatMap((name) =>
      differences(
        (mine as Record<string, unknown>)[name],
        (theirs as Record<string, unknown>)[name],
        path ? `${path} › ${place(mine, name)}` : name,
      ),
    )
  }

  const one = { path, mine: shown(mine, path), theirs: shown(theirs, path) }
  if (one.mine && one.mine === one.theirs) one.theirs += ' (another secret)'

  return [one]
}

const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null
const place = (of: object, name: string): string => (Array.isArray(of) ? String(Number(name) + 1) : name)

function shown(value: unknown, path: string): string {
  if (value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)

  return path.endsWith(X) ? shownApp(X, text) : text
}

const tabs: Record<string, string> = {
  AllowClassicFlow: 'settings',
  AllowUnauthenticatedIdentities: 'settings',
  IdentityPoolName: 'settings',
  IdentityPoolTags: 'settings',
  CognitoIdentityProviders: 'providers',
  DeveloperProviderName: 'providers',
  OpenIdConnectProviderARNs: 'providers',
  SamlProviderARNs: 'providers',
  SupportedLoginProviders: 'providers',
  PrincipalTags: 'tags',
  RoleMappings: 'roles',
  Roles: 'roles',
}

export interface Proposal {
  field: string
  add: string
}

/**
 * proposalOf reads the field and the value that a link proposes. The value is text that somebody else may have chosen:
 * it is bounded, and nothing is done with it but to fill a field.
 */
export function proposalOf(query: URLSearchParams): (Proposal & { tab: string }) | null {
  const field = query.get('field') ?? ''
  const tab = Object.hasOwn(tabs, field) ? tabs[field] : undefined
  const add = query.get('add') ?? ''

  return tab ? { field, add: add.length <= 2048 ? add : '', tab } : null
}

/** classicOf returns the roles for the classic flow of a pool that allows it; null with role rules, which close it. */
export function classicOf(settings: {
  Roles?: Record<string, string>
  RoleMappings?: object
}): { authenticated?: string; unauthenticated?: string } | null {
  return Object.keys(settings.RoleMappings ?? {}).length > 0 ? null : (settings.Roles ?? {})
}
