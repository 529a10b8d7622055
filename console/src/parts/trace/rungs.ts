// The rungs of a ladder: the checks of a call in their order, those of each provider apart.

import type { Step } from './types'

export interface Rung {
  state: 'passed' | 'refused' | 'unreached'
  title: string
  subject: string
  step?: Step
}

export interface Group {
  provider: string // '' = common checks
  rungs: Rung[]
}

/** capital returns a check's name with a capital: "token audience" becomes "Token audience". */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

// How names are written that a code has in small letters. docs/errors.md has the names of all checks.
const spellings: [RegExp, string][] = [
  [/\bopenid connect\b/g, 'OpenID Connect'],
  [/\bserversidetokencheck\b/g, 'ServerSideTokenCheck'],
  [/\bcustomrolearn\b/g, 'CustomRoleArn'],
  [/\bnameid\b/g, 'NameID'],
  [/\battribute role\b/g, 'attribute Role'],
  [/\brolesessionname\b/g, 'RoleSessionName'],
  [/\bsign (in|out|up)\b/g, 'sign-$1'],
  [/\bids\b/g, 'IDs'],
]
const capitals = /\b(api|arn|iam|id|saml|srp|sts|uri|url|x|xml)\b/g

/** words returns a code as words, for checks that have no text: saml-audience becomes "SAML audience". */
export function words(code: string): string {
  let text = code.replaceAll('-', ' ')
  for (const [written, spelled] of spellings) text = text.replace(written, spelled)

  return capital(
    text
      .replace(capitals, (name) => name.toUpperCase())
      .replace(/\bat (amazon|facebook)\b/g, (_, name: string) => `at ${capital(name)}`),
  )
}

/** sentence returns a text as a sentence: with a capital, unless it begins with a name, and with a full stop. */
export function sentence(text: string): string {
  const bare = text.trim()
  const whole = /^[a-z]+([:./]\S|[A-Z0-9_])/.test(bare) ? bare : capital(bare)
  return whole === '' || /[.!?…]$/.test(whole) ? whole : whole + '.'
}

/**
 * groups returns the rungs in their order. With the logins of several providers each has a group of its own, between
 * the common checks before and after them. What was not reached comes last.
 */
export function groups(steps: Step[], planned: string[]): Group[] {
  const providers = new Set(steps.map((step) => step.Provider).filter(Boolean))
  const before: Group = { provider: '', rungs: [] }
  const after: Group = { provider: '', rungs: [] }
  const byProvider = new Map<string, Group>()

  for (const step of steps) {
    let group = byProvider.size > 0 ? after : before
    if (providers.size < 2) group = before
    else if (step.Provider) {
      group = byProvider.get(step.Provider) ?? { provider: step.Provider, rungs: [] }
      byProvider.set(step.Provider, group)
    }
    group.rungs.push({
      state: step.OK ? 'passed' : 'refused',
      title: capital(step.Check),
      subject: step.Subject ?? '',
      step,
    })
  }

  const last = providers.size < 2 ? before : after
  last.rungs.push(...planned.map((code): Rung => ({ state: 'unreached', title: words(code), subject: '' })))

  return [before, ...byProvider.values(), after].filter((group) => group.rungs.length > 0)
}

/** tally returns how many of all checks passed: "4 of 9 passed". */
export function tally(steps: Step[], planned: string[]): string {
  return `${steps.filter((step) => step.OK).length} of ${steps.length + planned.length} passed`
}

/** pieces splits a text at the names between backticks: plain text, a name, plain text, and so on. */
export const pieces = (text: string): string[] => text.split(/`([^`]+)`/)
