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

/** words returns a code as words, for checks that have no text: token-audience becomes "Token audience". */
export function words(code: string): string {
  return capital(code.replaceAll('-', ' '))
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
