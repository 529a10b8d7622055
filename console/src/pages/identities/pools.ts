// Pools to choose from, as ListPoolSummaries has them.

import { loginOf } from '../../parts/providers/arns'

export interface Listed {
  Id: string
  Name: string
  Providers: string[] | null
  Identities?: number
}

/** logins returns the names that the logins of a pool have. */
export const logins = (pool: Listed): string[] => [...new Set((pool.Providers ?? []).map(loginOf))]

const idPattern = /^[a-z0-9-]{1,32}:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * named returns the ID of the pool that a text names by its ID or by a name that only one has. It is empty for an empty
 * text, and null if there is no such pool. A whole ID need not be in the list: the server knows better.
 */
export function named(text: string, pools: readonly Listed[]): string | null {
  const wanted = text.trim()
  if (!wanted || idPattern.test(wanted)) return wanted

  const found = pools.filter((one) => one.Name === wanted)
  return found.length === 1 ? (found[0]?.Id ?? null) : null
}
