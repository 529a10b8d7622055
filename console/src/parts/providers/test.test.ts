import { expect, it } from 'vitest'
import { clientIDs, warningsOf } from './test'

it.each([
  ['https://login.example.com', 0],
  ['https://login.example.com/', 1],
  ['http://login.example.com', 1],
  ['http://localhost:8080/', 3],
  ['http://127.0.0.1:4566/dev', 2],
  ['https://a.example/?b', 1],
  ['not an address', 0],
])('warns about %j', (issuer, warnings) => expect(warningsOf(issuer)).toHaveLength(warnings))

it('reads client IDs once each', () => {
  expect(clientIDs(' a, b\n\na\nc ,')).toEqual(['a', 'b', 'c'])
  expect(clientIDs('')).toEqual([])
})
