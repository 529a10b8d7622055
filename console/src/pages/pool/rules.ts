// Roles and rules as a draft: what was read, what would be saved, and what somebody wrote to try them.

import type { Provider } from './pool'

export const matches = ['Equals', 'Contains', 'StartsWith', 'NotEqual'] as const
export const mostRules = 25

export interface Rule {
  Claim: string
  MatchType: (typeof matches)[number]
  Value: string
  RoleARN: string
}

export interface Mapping {
  Type: 'Token' | 'Rules'
  AmbiguousRoleResolution?: 'AuthenticatedRole' | 'Deny'
  RulesConfiguration?: { Rules: Rule[] }
}

export interface RoleSettings {
  Roles: Record<string, string>
  RoleMappings: Record<string, Mapping>
}

export interface DraftRule extends Rule {
  id: number // names the row while it moves
}

export interface DraftMapping {
  type: 'default' | 'Token' | 'Rules'
  otherwise: 'AuthenticatedRole' | 'Deny'
  rules: DraftRule[]
}

export interface Draft {
  authenticated: string
  unauthenticated: string
  mappings: Record<string, DraftMapping>
}

let last = 0

/** row makes a rule of a draft. */
export function row(rule: Partial<Rule> = {}): DraftRule {
  return { Claim: '', MatchType: 'Equals', Value: '', RoleARN: '', ...rule, id: ++last }
}

/** draftOf makes a draft of what was read, with a place for every provider of the pool. */
export function draftOf(saved: RoleSettings, list: Provider[]): Draft {
  const keys = [...list.map((one) => one.rules).filter(Boolean), ...Object.keys(saved.RoleMappings)]
  const mappings = [...new Set(keys)].map((key): [string, DraftMapping] => {
    const mapping = saved.RoleMappings[key]

    return [
      key,
      {
        type: mapping?.Type ?? 'default',
        otherwise: mapping?.AmbiguousRoleResolution ?? 'Deny',
        rules: (mapping?.RulesConfiguration?.Rules ?? []).map((rule) => row(rule)),
      },
    ]
  })

  return {
    authenticated: saved.Roles.authenticated ?? '',
    unauthenticated: saved.Roles.unauthenticated ?? '',
    mappings: Object.fromEntries(mappings),
  }
}

/** settingsOf returns what saving a draft would send. */
export function settingsOf(draft: Draft): RoleSettings {
  const roles: Record<string, string> = {}
  if (draft.authenticated.trim()) roles.authenticated = draft.authenticated.trim()
  if (draft.unauthenticated.trim()) roles.unauthenticated = draft.unauthenticated.trim()

  const mappings: Record<string, Mapping> = {}
  for (const [key, mapping] of Object.entries(draft.mappings)) {
    if (mapping.type === 'default') continue
    mappings[key] = { Type: mapping.type, AmbiguousRoleResolution: mapping.otherwise }
    if (mapping.type === 'Rules')
      mappings[key].RulesConfiguration = {
        Rules: mapping.rules.map(({ Claim, MatchType, Value, RoleARN }) => ({
          Claim,
          MatchType,
          Value,
          RoleARN: RoleARN.trim(),
        })),
      }
  }

  return { Roles: roles, RoleMappings: mappings }
}

/** move returns a list in which the element at one place went one place up or down. */
export function move<T>(list: T[], at: number, by: -1 | 1): T[] {
  const to = at + by
  const moved = [...list]
  const one = moved[at]
  const other = moved[to]
  if (one === undefined || other === undefined) return list
  moved[at] = other
  moved[to] = one

  return moved
}

/** faultOf returns what a rule lacks; '' if nothing. The server checks the rest. */
export function faultOf(rule: Rule): string {
  if (!rule.Claim) return 'Name the claim.'
  if (!rule.Value) return 'Give the value that the claim is compared with.'
  if (!rule.RoleARN.trim()) return 'Choose the role that the rule gives.'

  return ''
}

/** faultsOf returns why a draft cannot be saved, by the key of the provider. */
export function faultsOf(draft: Draft): { key: string; rule: number; fault: string }[] {
  return Object.entries(draft.mappings).flatMap(([key, mapping]) => {
    if (mapping.type !== 'Rules') return []
    if (mapping.rules.length === 0)
      return [{ key, rule: 0, fault: 'There is no rule. Add a rule, or use the default role.' }]

    return mapping.rules.flatMap((rule, n) => {
      const fault = faultOf(rule)
      return fault ? [{ key, rule: n + 1, fault }] : []
    })
  })
}

export type Tried = { Claims: object } | { Token: string } | { fault: string }

/** triedOf reads what somebody typed into the try-out: claims as JSON, or a token. */
export function triedOf(text: string): Tried {
  const typed = text.trim()
  if (/^[\w-]+\.[\w-]+\.[\w-]*$/.test(typed)) return { Token: typed }

  try {
    const claims: unknown = JSON.parse(typed || '{}')
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return { Claims: claims }

    return { fault: 'Claims are an object: they begin with { and end with }.' }
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) }
  }
}
