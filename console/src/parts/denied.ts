// What a key lacks, from the words of a refusal.

import type { CallError } from '../frame/client'

export interface Lack {
  action: string
  resource: string // '' if the refusal names none
  denied: boolean // a statement denies it; another statement that allows it would not help
}

/** lacks returns what a refused call needs; null if the refusal does not name it. */
export function lacks(error: Pick<CallError, 'message'>): Lack | null {
  const found = /not authorized to perform:? ([a-z-]+:[A-Za-z]+)(?: on resource: (arn:\S+))?/.exec(error.message)
  if (!found) return null

  return { action: found[1] ?? '', resource: found[2] ?? '', denied: error.message.includes('with an explicit deny') }
}

/** missingStatement returns the statement of a policy that allows what a key lacks, and no more. */
export function missingStatement({ action, resource }: Lack): string {
  return JSON.stringify({ Effect: 'Allow', Action: action, Resource: resource || '*' }, null, 2)
}
