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

/** check returns a check's name with a capital: "token audience" becomes "Token audience". */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

/** words returns a code as words, for checks that have no text: token-audience becomes "Token audience". */
export function words(code: string): string {
  return capital(code.replaceAll('-', ' '))
}

/**
 * groups returns the rungs: the common checks before those of the providers, and what was not reached last. The checks
 * of one provider stay in their order.
 */
export function groups(steps: Step[], planned: string[]): Group[] {
  const common: Group = { provider: '', rungs: [] }
  const byProvider = new Map<string, Group>()

  for (const step of steps) {
    const provider = step.Provider ?? ''
    let group = provider ? byProvider.get(provider) : common
    if (!group) byProvider.set(provider, (group = { provider, rungs: [] }))
    group.rungs.push({
      state: step.OK ? 'passed' : 'refused',
      title: capital(step.Check),
      subject: step.Subject ?? '',
      step,
    })
  }

  const list = [common, ...byProvider.values()].filter((group) => group.rungs.length > 0)
  if (planned.length > 0) {
    // After the checks of one provider what follows belongs to the same ladder; after several it is common again.
    let last = list.length > 0 && (byProvider.size < 2 || !list.at(-1)?.provider) ? list.at(-1) : undefined
    if (!last) list.push((last = { provider: '', rungs: [] }))
    last.rungs.push(...planned.map((code): Rung => ({ state: 'unreached', title: words(code), subject: '' })))
  }

  return list
}

/** tally returns how many of all checks passed: "4 of 9 passed". */
export function tally(steps: Step[], planned: string[]): string {
  return `${steps.filter((step) => step.OK).length} of ${steps.length + planned.length} passed`
}
