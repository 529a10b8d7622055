// A provider that is about to be added to a pool.

import { X, type Kind, type Pool, type Proposal, type Provider } from './pool'

export interface Entry {
  kind: Kind
  name: string
  client: string
  secret: string // of X
  check: boolean // of a user pool
}

export const empty: Entry = { kind: 'oidc', name: '', client: '', secret: '', check: true }

export const kinds: Record<Kind, string> = {
  oidc: 'OpenID Connect',
  saml: 'SAML',
  social: 'Google, Apple, Facebook, Amazon or X',
  'user-pool': 'User pool',
  developer: 'Your own backend (developer name)',
}

const fields: Record<string, Kind> = {
  OpenIdConnectProviderARNs: 'oidc',
  SamlProviderARNs: 'saml',
  SupportedLoginProviders: 'social',
  CognitoIdentityProviders: 'user-pool',
  DeveloperProviderName: 'developer',
}

/**
 * entryOf fills an entry with what a link proposes: a provider, or a provider and its client after a colon. Names of
 * user pools have a colon of their own where they begin with an address and a port.
 */
export function entryOf(proposal: Proposal): Partial<Entry> {
  const kind = (Object.hasOwn(fields, proposal.field) ? fields[proposal.field] : undefined) ?? 'oidc'
  const most = kind === 'oidc' || kind === 'saml' ? 2048 : 257
  const add = proposal.add.length <= most ? proposal.add : ''
  const pair = kind === 'user-pool' || kind === 'social' ? /^(.+):([^:/]+)$/.exec(add) : null
  const [, name, client] = pair ?? []

  return name && client ? { kind, name, client } : { kind, name: add }
}

/** faultsOf names what an entry lacks, by field. The server checks the rest. */
export function faultsOf(entry: Entry, pool: Pool): { name: string; client: string; secret: string } {
  const faults = { name: '', client: '', secret: '' }
  const name = entry.name.trim()
  const client = entry.client.trim()

  if (!name) faults.name = 'Name the provider.'
  else if (entry.kind === 'oidc' && !/^arn:[^:]+:iam::[^:]*:oidc-provider\/./.test(name))
    faults.name = 'Give the ARN of an OpenID Connect provider, or register a new one.'
  else if (entry.kind === 'saml' && !/^arn:[^:]+:iam::[^:]*:saml-provider\/./.test(name))
    faults.name = 'Give the ARN of a SAML provider.'
  else if (
    (entry.kind === 'oidc' && pool.OpenIdConnectProviderARNs?.includes(name)) ||
    (entry.kind === 'saml' && pool.SamlProviderARNs?.includes(name)) ||
    (entry.kind === 'user-pool' &&
      pool.CognitoIdentityProviders?.some((one) => one.ProviderName === name && one.ClientId === client))
  )
    faults.name = 'The pool has this provider.'
  else if (entry.kind === 'social' && Object.hasOwn(pool.SupportedLoginProviders ?? {}, name))
    faults.name = 'The pool has this provider. Change its app ID instead: it has one.'
  else if (entry.kind === 'developer' && pool.DeveloperProviderName)
    faults.name = 'The pool has a developer name, which cannot be changed.'

  if (entry.kind === 'social' || entry.kind === 'user-pool') {
    if (!client) faults.client = entry.kind === 'social' ? 'Give the app ID.' : 'Give the app client ID.'
    else if (entry.kind === 'social' && client.includes(';'))
      faults.client = name === X ? 'The secret has a field of its own.' : 'Give one app ID.'
  }
  if (entry.kind === 'social' && name === X && !entry.secret.trim()) faults.secret = 'Give the secret.'

  return faults
}

/** added returns the change that adds an entry to what a pool has now. */
export function added(now: Pool, entry: Entry): Partial<Pool> {
  const name = entry.name.trim()
  const client = entry.client.trim()

  switch (entry.kind) {
    case 'oidc':
      return { OpenIdConnectProviderARNs: [...new Set([...(now.OpenIdConnectProviderARNs ?? []), name])] }
    case 'saml':
      return { SamlProviderARNs: [...new Set([...(now.SamlProviderARNs ?? []), name])] }
    case 'social':
      return {
        SupportedLoginProviders: {
          ...now.SupportedLoginProviders,
          [name]: name === X ? `${client};${entry.secret.trim()}` : client,
        },
      }
    case 'user-pool':
      return {
        CognitoIdentityProviders: [
          ...(now.CognitoIdentityProviders ?? []).filter((one) => one.ProviderName !== name || one.ClientId !== client),
          { ProviderName: name, ClientId: client, ServerSideTokenCheck: entry.check },
        ],
      }
    case 'developer':
      return now.DeveloperProviderName ? {} : { DeveloperProviderName: name }
  }
}

/** changeable returns an entry for what can be changed of a provider in its place. The secret of X is not in it. */
export function changeable(of: Provider, pool: Pool): Entry {
  const known = (pool.CognitoIdentityProviders ?? []).find(
    (one) => one.ProviderName === of.name && one.ClientId === of.client,
  )
  const app = pool.SupportedLoginProviders?.[of.name] ?? ''

  return {
    kind: of.kind,
    name: of.name,
    client: of.kind === 'user-pool' ? of.client : of.name === X ? (app.split(';')[0] ?? '') : app,
    secret: '',
    check: !!known?.ServerSideTokenCheck,
  }
}

/** changeFault names what a changed entry lacks; '' if nothing. The secret of X may stay as it is, without being typed. */
export function changeFault(entry: Entry): string {
  if (entry.kind !== 'social') return ''
  const client = entry.client.trim()
  if (!client) return 'Give the app ID.'
  if (client.includes(';')) return entry.name === X ? 'The secret has a field of its own.' : 'Give one app ID.'

  return ''
}

/** replaced returns the change that puts an entry in the place of the provider that has its name. */
export function replaced(now: Pool, entry: Entry): Partial<Pool> {
  if (entry.kind === 'user-pool')
    return {
      CognitoIdentityProviders: (now.CognitoIdentityProviders ?? []).map((one) =>
        one.ProviderName === entry.name && one.ClientId === entry.client
          ? { ...one, ServerSideTokenCheck: entry.check }
          : one,
      ),
    }

  const client = entry.client.trim()
  const [, ...kept] = (now.SupportedLoginProviders?.[entry.name] ?? '').split(';')
  const app = entry.name === X ? [client, entry.secret.trim() || kept.join(';')].join(';') : client

  return { SupportedLoginProviders: { ...now.SupportedLoginProviders, [entry.name]: app } }
}

/** settingOf returns what a pool has of a provider that can be changed in its place; undefined if it is not there. */
export function settingOf(pool: Pool, entry: Entry): unknown {
  return entry.kind === 'user-pool'
    ? pool.CognitoIdentityProviders?.find((one) => one.ProviderName === entry.name && one.ClientId === entry.client)
    : pool.SupportedLoginProviders?.[entry.name]
}
