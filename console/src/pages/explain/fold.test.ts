import { expect, test } from 'vitest'
import type { Refusal } from '../../parts/trace/types'
import { backOff, fold, queued, REQUESTS } from './fold'

const refusal = (id: string, time: number, more: Partial<Refusal> = {}): Refusal => ({
  RequestId: id,
  Time: time,
  Operation: 'GetId',
  Outcome: 'NotAuthorizedException',
  Reason: 'token-audience',
  Node: 'a',
  ...more,
})
const shown = (rows: ReturnType<typeof fold>) => rows.map((row) => `${row.key}×${row.count}`)

test('equal refusals are one row with the newest on top of its requests', () => {
  const rows = fold([], [refusal('a', 100), refusal('b', 160), refusal('c', 200)])

  expect(shown(rows)).toEqual(['a×3'])
  expect(rows[0]?.last.RequestId).toBe('c')
  expect(rows[0]?.requests.map(({ id }) => id)).toEqual(['c', 'b', 'a'])
})

test('reason, pool, provider and client keep rows apart; the operation does not', () => {
  const rows = fold(
    [],
    [
      refusal('a', 1),
      refusal('b', 2, { Reason: 'token-expiry' }),
      refusal('c', 3, { IdentityPoolId: 'p' }),
      refusal('d', 4, { ProviderName: 'p' }),
      refusal('e', 5, { Client: 'p' }),
      refusal('f', 6, { Operation: 'GetOpenIdToken' }),
    ],
  )

  expect(shown(rows)).toEqual(['a×2', 'e×1', 'd×1', 'c×1', 'b×1'])
})

test('ten minutes after its first refusal a row is closed', () => {
  let rows = fold([], [refusal('a', 0), refusal('b', 600), refusal('c', 601)])
  expect(shown(rows)).toEqual(['c×1', 'a×2'])

  rows = fold(rows, [refusal('d', 700)])
  expect(shown(rows)).toEqual(['c×2', 'a×2'])
})

test('rows that were given do not change', () => {
  const before = fold([], [refusal('a', 0)])
  const copy = structuredClone(before)
  fold(before, [refusal('b', 1)])

  expect(before).toEqual(copy)
})

test('a refusal of another node that comes late joins its row and stays behind the newest', () => {
  const rows = fold(fold([], [refusal('b', 50)]), [refusal('a', 40)])

  expect(shown(rows)).toEqual(['b×2'])
  expect(rows[0]?.last.RequestId).toBe('b')
  expect(rows[0]?.since).toBe(40)
})

test('rows and their requests are bounded', () => {
  const many = Array.from({ length: 50 }, (_, n) => refusal(`r${n}`, n))
  expect(fold([], many)[0]).toMatchObject({ count: 50 })
  expect(fold([], many)[0]?.requests).toHaveLength(REQUESTS)

  const apart = many.map((one, n) => ({ ...one, Client: `c${n}` }))
  expect(shown(fold([], apart, 3))).toEqual(['r49×1', 'r48×1', 'r47×1'])
})

test('the queue leaves the oldest out', () => {
  const list = [1, 2, 3, 4].map((n) => refusal(`r${n}`, n))
  const { waiting, left } = queued(list.slice(0, 2), list.slice(2), 3)

  expect(waiting.map((one) => one.RequestId)).toEqual(['r2', 'r3', 'r4'])
  expect(left).toBe(1)
})

test('the back-off ends at 30 seconds', () => {
  expect([1, 2, 3, 4, 5, 6, 99].map(backOff)).toEqual([1, 2, 4, 8, 16, 30, 30])
})
