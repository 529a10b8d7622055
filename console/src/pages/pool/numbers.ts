// Numbers of a pool: what the server counted, and what a deletion would concern.

import { call } from '../../frame/client'

export interface Preview {
  Identities?: number
  Logins: number
  Pools: string[]
  Roles: string[]
  Providers: string[]
  AccessKeys: string[]
  LongestSession: number
  Truncated: boolean
}

export async function preview(kind: string, id: string, signal?: AbortSignal): Promise<Preview> {
  const answer = await call<Partial<Preview>>(
    'admin',
    'PreviewDeletion',
    { Kind: kind, Id: id },
    signal ? { signal } : {},
  )

  // A list that is empty may be null.
  return {
    ...answer,
    Logins: answer.Logins ?? 0,
    Pools: answer.Pools ?? [],
    Roles: answer.Roles ?? [],
    Providers: answer.Providers ?? [],
    AccessKeys: answer.AccessKeys ?? [],
    LongestSession: answer.LongestSession ?? 0,
    Truncated: answer.Truncated ?? false,
  }
}

export interface Statistics {
  From: number
  To: number
  Step: number
  KeptSince: number
  Series: {
    SignIns: number[]
    Guests: number[]
    Identities: number[]
    Refused: Record<string, number[]> | null
  }
}

/** statistics reads the hours of the last days of a pool. */
export function statistics(pool: string, days: number, signal?: AbortSignal): Promise<Statistics> {
  const to = Math.floor(Date.now() / 1000)
  const input = { IdentityPoolId: pool, From: to - days * 86_400, To: to, Step: 3600 }

  return call<Statistics>('admin', 'GetStatistics', input, signal ? { signal } : {})
}

export const sum = (numbers: number[] | null | undefined): number => (numbers ?? []).reduce((all, one) => all + one, 0)

/** refusals returns the reasons with their numbers, the most frequent first. */
export function refusals(of: Statistics): { reason: string; number: number }[] {
  return Object.entries(of.Series.Refused ?? {})
    .map(([reason, numbers]) => ({ reason, number: sum(numbers) }))
    .filter((one) => one.number > 0)
    .sort((a, b) => b.number - a.number)
}

/** hours tells a length in seconds in words. */
export function hours(seconds: number): string {
  if (seconds >= 3600) {
    const n = Math.round(seconds / 360) / 10
    return `${n} ${n === 1 ? 'hour' : 'hours'}`
  }

  return `${Math.ceil(seconds / 60)} min`
}
