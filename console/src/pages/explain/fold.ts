// Equal refusals become one row, so that a retry loop does not push everything else away.

import type { Refusal } from '../../parts/trace/types'

export interface Row {
  key: string // the request ID of its first refusal
  since: number // the time of its first refusal, seconds
  last: Refusal // the newest
  count: number
  requests: { id: string; time: number }[] // the newest first
}

/** WINDOW is how long after its first refusal a row takes equal ones, in seconds. */
export const WINDOW = 600

/** ROWS is how many rows a page keeps, and REQUESTS how many request IDs a row. */
export const ROWS = 500
export const REQUESTS = 20

const kind = (one: Refusal): string =>
  JSON.stringify([one.Reason, one.IdentityPoolId, one.ProviderName, one.Client].map((text) => text ?? ''))

/** fold returns rows, newest first, with refusals, oldest first, added. It changes no row that it got. */
export function fold(rows: Row[], refusals: Refusal[], keep = ROWS): Row[] {
  const open = new Map<string, Row>()
  const list = new Map<string, Row>()
  for (const row of rows) {
    list.set(row.key, row)
    const of = kind(row.last)
    const other = open.get(of)
    if (!other || other.since < row.since) open.set(of, row)
  }

  for (const one of refusals) {
    const of = kind(one)
    const row = open.get(of)
    const request = { id: one.RequestId, time: one.Time }
    const joins = row && Math.abs(one.Time - row.since) <= WINDOW
    const next: Row = joins
      ? {
          ...row,
          since: Math.min(row.since, one.Time),
          last: one.Time >= row.last.Time ? one : row.last,
          count: row.count + 1,
          requests: [request, ...row.requests].slice(0, REQUESTS),
        }
      : { key: one.RequestId, since: one.Time, last: one, count: 1, requests: [request] }
    open.set(of, next)
    list.set(next.key, next)
  }

  return [...list.values()].sort((a, b) => b.last.Time - a.last.Time).slice(0, keep)
}

/** queued returns what waits to be shown when more came in, at most `most`: the oldest are left out and counted. */
export function queued(waiting: Refusal[], came: Refusal[], most = ROWS): { waiting: Refusal[]; left: number } {
  const all = [...waiting, ...came]
  const left = Math.max(0, all.length - most)

  return { waiting: all.slice(left), left }
}

/** backOff returns the seconds until the next try after a number of failures: 1, 2, 4 … 30. */
export const backOff = (failures: number): number => Math.min(30, 2 ** Math.min(failures - 1, 5))
