// What an identity's page reads for its confirmations.

import { call } from '../../frame/client'
import { loginOf } from '../../parts/providers/arns'

interface Summary {
  Id: string
  Name: string
  Providers: string[] | null
}

export interface Reach {
  pools: { Id: string; Name: string }[]
  more: boolean // there are pools that were not looked at
}

const mostPages = 10

/** accepting returns the pools among some that accept logins of a provider. */
export const accepting = (pools: readonly Summary[], provider: string): Summary[] =>
  pools.filter((one) => (one.Providers ?? []).some((name) => name === provider || loginOf(name) === provider))

/** reachOf lists the pools of the account and region in which a provider's sign-out counts. */
export async function reachOf(provider: string, signal: AbortSignal): Promise<Reach> {
  const pools: Summary[] = []
  let token: string | undefined

  for (let page = 0; page < mostPages; page++) {
    const input = { Sort: 'Name', MaxResults: 100, ...(token && { NextToken: token }) }
    const answer = await call<{ Pools: Summary[]; NextToken?: string; Truncated?: boolean }>(
      'admin',
      'ListPoolSummaries',
      input,
      { signal },
    )
    pools.push(...accepting(answer.Pools, provider))
    token = answer.NextToken ?? undefined
    if (!token) return { pools, more: answer.Truncated ?? false }
  }

  return { pools, more: true }
}

/** notDeleted returns why an identity was not deleted; null if it was. */
export function notDeleted(answer: {
  UnprocessedIdentityIds?: { IdentityId?: string; ErrorCode?: string }[] | null
}): string | null {
  const failed = answer.UnprocessedIdentityIds?.[0]
  if (!failed) return null

  return failed.ErrorCode === 'AccessDenied'
    ? 'This key may not delete it: it lacks cognito-identity:DeleteIdentities.'
    : `The server could not delete it now (${failed.ErrorCode ?? 'no reason given'}). Try again.`
}
