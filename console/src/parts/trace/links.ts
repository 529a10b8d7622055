// Where a fix is made: the page and field of the thing that a check's link names.

import { visible } from '../text'
import type { Link, Step } from './types'

export type Way =
  | { source: 'api'; path: string[]; query: { field?: string; add?: string }; words: string }
  | { source: 'file'; setting: string; line: string }

const tabs: Record<string, string> = {
  AllowUnauthenticatedIdentities: 'settings',
  AllowClassicFlow: 'settings',
  IdentityPoolTags: 'settings',
  DeveloperProviderName: 'providers',
  SupportedLoginProviders: 'providers',
  OpenIdConnectProviderARNs: 'providers',
  CognitoIdentityProviders: 'providers',
  SamlProviderARNs: 'providers',
  Roles: 'roles',
  RoleMappings: 'roles',
  PrincipalTags: 'tags',
}

/** ADD bounds the value that a link proposes. */
export const ADD = 2048

/** way returns how to get to what the link of a check names; null if there is no page for it. */
export function way(link: Link, step: Pick<Step, 'Provider' | 'Subject'> = {}): Way | null {
  const id = link.Id ?? ''
  const whole = proposal(link, step)
  // What a field cannot show, or not take, is not proposed.
  const add = whole && whole.length <= ADD && whole === visible(whole) ? whole : undefined
  const query = { ...(link.Field ? { field: link.Field } : {}), ...(add ? { add } : {}) }
  if (link.Source === 'file' || link.Kind === 'setting') {
    return id ? { source: 'file', setting: id, line: line(id, link.Add) } : null
  }

  const to = (words: string, path: string[], of = query): Way => ({ source: 'api', path, query: of, words })
  switch (link.Kind) {
    case 'identity-pool':
      if (!id) return to('Open the new pool', ['pools', 'new'])
      return to('Open the pool', ['pools', id, tab(link.Field ?? '')])
    case 'identity':
      return id ? to('Open the identity', ['identities', id]) : null
    case 'role':
      return thing('roles', 'role', id, link, query, { field: 'RoleName', add: after(id, '/') })
    case 'oidc-provider':
      return thing('oidc', 'provider', after(id, ':oidc-provider/', true), link, query, {
        field: 'Url',
        add: add ?? `https://${after(id, ':oidc-provider/', true)}`,
      })
    case 'saml-provider':
      return thing('saml', 'provider', after(id, '/'), link, query, { field: 'Name', add: after(id, '/') })
    case 'access-key':
      return to('Open the access key', id ? ['access', 'keys', id] : ['access', 'keys'])
    default:
      return null
  }
}

// tab returns the section of a pool's page that has a field.
const tab = (field: string): string => (Object.hasOwn(tabs, field) ? (tabs[field] ?? '') : 'overview')

// PAIR stands between a provider and its client where a link proposes both. Client IDs have neither it nor a slash.
const PAIR = ':'

// proposal returns the value for the field. A check names a client alone, but the pool's field has pairs of a provider
// and a client. And a check of role rules proposes nothing, but its rules are those of one provider.
function proposal(link: Link, step: Pick<Step, 'Provider' | 'Subject'>): string | undefined {
  const pairs = link.Field === 'CognitoIdentityProviders' || link.Field === 'SupportedLoginProviders'
  if (link.Add && pairs && step.Provider && step.Provider !== link.Add) return step.Provider + PAIR + link.Add
  if (!link.Add && link.Field === 'RoleMappings') return step.Subject

  return link.Add
}

// thing leads to a thing of IAM. A link without a field means that the thing is missing: then it leads to the form that
// makes one.
function thing(
  tab: string,
  word: string,
  id: string,
  link: Link,
  query: { field?: string; add?: string },
  make: { field: string; add: string },
): Way {
  const name = tab === 'roles' ? after(id, '/') : id
  if (link.Field && name) {
    return { source: 'api', path: ['access', tab, name], query, words: `Open the ${word}` }
  }

  return {
    source: 'api',
    path: ['access', tab],
    query: make.add.length > 0 && make.add.length <= ADD ? make : {},
    words: word === 'role' ? 'Make the role' : 'Register the provider',
  }
}

// after returns what follows the first, or the last, occurrence of a mark; the whole text without one.
function after(text: string, mark: string, first = false): string {
  const at = first ? text.indexOf(mark) : text.lastIndexOf(mark)
  return at < 0 ? text : text.slice(at + mark.length)
}

// line returns what to write in the settings file: the path, and the value below it as YAML reads it.
function line(path: string, add: string | undefined): string {
  return add === undefined || add === '' ? path : `# add to ${path}\n- ${JSON.stringify(add)}`
}

/**
 * unproven reports whether the value that a step proposes comes from a token whose signature was not proven: anybody
 * can write such a token.
 */
export function unproven(steps: Step[], step: Step): boolean {
  if (!step.Link?.Add) return false
  if (!step.Provider && !/^(token|login|saml)\b/i.test(step.Check)) return false

  return !steps.some((one) => one.OK && one.Provider === step.Provider && /^(token|SAML) signature$/i.test(one.Check))
}
