import { expect, it } from 'vitest'
import { firstPage, isFault, known, left, question, range, standing, turn, type Fields } from './search'

const fields = (some: Partial<Fields>): Fields => ({ pool: '', provider: '', text: '', since: '', ...some })
const pool = 'us-east-1:11111111-1111-1111-1111-111111111111'

it.each<[Partial<Fields>, object]>([
  [{ pool }, { IdentityPoolId: pool }],
  [{ text: ' US-EAST-1:1A2B ' }, { IdentityIdPrefix: 'us-east-1:1a2b' }],
  [
    { pool, text: 'us-east-1:1a2b' },
    { IdentityPoolId: pool, IdentityIdPrefix: 'us-east-1:1a2b' },
  ],
  [
    { pool, provider: 'issuer.example', text: ' Alice' },
    { IdentityPoolId: pool, ProviderName: 'issuer.example', Subject: ' Alice' },
  ],
  [
    { pool, since: '2026-11-26' },
    { IdentityPoolId: pool, CreatedAfter: new Date(2026, 10, 26).getTime() / 1000 },
  ],
])('asks for %j', (typed, asked) => expect(question(fields(typed))).toEqual(asked))

it.each<[Partial<Fields>, string]>([
  [{}, 'pool'],
  [{ text: 'alice' }, 'text'],
  [{ text: 'us-east-1:1a' }, 'text'],
  [{ pool, provider: 'issuer.example' }, 'text'],
  [{ provider: 'issuer.example', text: 'alice' }, 'pool'],
  [{ pool, provider: 'issuer.example', text: 'alice', since: '2026-11-26' }, 'since'],
  [{ pool, since: 'yesterday' }, 'since'],
])('tells what is wrong with %j', (typed, field) => {
  const asked = question(fields(typed))
  expect(isFault(asked) && asked.field).toBe(field)
})

it('turns pages back by the tokens seen so far', () => {
  let pages = known(firstPage, 'b')
  expect(turn(pages, -1)).toBe(pages)
  pages = known(turn(pages, 1), 'c')
  expect(pages).toEqual({ at: 1, tokens: [undefined, 'b', 'c'] })
  pages = known(turn(pages, 1), null)
  expect(turn(pages, 1)).toBe(pages)
  pages = turn(pages, -1)
  expect(pages.tokens[pages.at]).toBe('b')
  expect(known(pages, 'other').tokens).toEqual([undefined, 'b', 'other'])
})

it('names the rows of a page', () => {
  expect(range(0, 60, 12_408)).toBe('1 to 60 of 12,408')
  expect(range(20, 8)).toBe('1,201 to 1,208')
  // The number of a pool may be some seconds old.
  expect(range(0, 3, 2)).toBe('1 to 3')
})

it('tells the state', () => {
  expect(standing({ Disabled: false })).toBe('active')
  expect(standing({ Disabled: true })).toBe('disabled')
  expect(standing({ Disabled: true, MergedTo: pool })).toBe('merged')
})

it('tells which identities are left', () => {
  expect(left([])).toBe('')
  expect(left([{ IdentityId: 'a:1', ErrorCode: 'AccessDenied' }])).toMatch(/may not delete a:1/)
  expect(
    left([
      { IdentityId: 'a:1', ErrorCode: 'AccessDenied' },
      { IdentityId: 'a:2', ErrorCode: 'InternalServerError' },
    ]),
  ).toMatch(/a:1, a:2 now\. Try again/)
})
