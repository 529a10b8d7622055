import { expect, it } from 'vitest'
import { hours, refusals, sum } from './numbers'

it('adds up', () => {
  expect(sum([1, 2])).toBe(3)
  expect(sum(null)).toBe(0)
})

it('puts the most frequent reason first', () => {
  const series = { SignIns: [], Guests: [], Identities: [], Refused: { a: [0, 0], b: [1], c: [2, 2] } }
  expect(refusals({ From: 0, To: 0, Step: 1, KeptSince: 0, Series: series })).toEqual([
    { reason: 'c', number: 4 },
    { reason: 'b', number: 1 },
  ])
})

it.each([
  [3600, '1 hour'],
  [5400, '1.5 hours'],
  [43_200, '12 hours'],
  [900, '15 min'],
  [0, '0 min'],
])('tells %d s', (seconds, words) => expect(hours(seconds)).toBe(words))
