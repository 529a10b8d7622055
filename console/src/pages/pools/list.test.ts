import { expect, it } from 'vitest'
import { questionOf, range } from './list'

it.each([
  ['', { Sort: 'Name' }],
  ['search=shop&sort=Identities', { Search: 'shop', Sort: 'Identities' }],
  ['sort=__proto__', { Sort: 'Name' }],
  [`search=${'x'.repeat(500)}`, { Search: 'x'.repeat(128), Sort: 'Name' }],
])('asks for %j', (query, question) => expect(questionOf(new URLSearchParams(query))).toEqual(question))

it('tells which pools a page shows', () => {
  expect(range(0, 100, 1240)).toBe('1 to 100 of 1,240')
  expect(range(12, 40, 1240)).toBe('1,201 to 1,240 of 1,240')
  expect(range(0, 2, 1)).toBe('1 to 2 of 2')
})
