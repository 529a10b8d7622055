// What a key lacks, from the words of a refusal.

import type { CallError } from '../frame/client'

/** lacks returns the action that a refused call needs; null if the refusal does not name it. */
export function lacks(error: Pick<CallError, 'message'>): string | null {
  return /not authorized to perform:? ([a-z-]+:[A-Za-z]+)/.exec(error.message)?.[1] ?? null
}

/** missingStatement returns the statement of a policy that allows an action. */
export function missingStatement(action: string): string {
  return JSON.stringify({ Effect: 'Allow', Action: action, Resource: '*' }, null, 2)
}
