import { expect, it } from 'vitest'
import { href, parse } from './router.svelte'

it.each([
  [['pools', 'us-east-1:1', 'roles'], { field: 'a', add: 'b c&d' }, '#/pools/us-east-1%3A1/roles?field=a&add=b+c%26d'],
  [['explain'], { pool: '', reason: undefined }, '#/explain'],
  [['a/b', 'ü?#'], {}, '#/a%2Fb/%C3%BC%3F%23'],
  [[], {}, '#/'],
])('writes and reads %j', (path, query, hash) => {
  expect(href(path, query)).toBe(hash)
  const place = parse(hash)
  expect(place.path).toEqual(path)
  for (const [name, value] of Object.entries(query)) if (value) expect(place.query.get(name)).toBe(value)
})

it.each(['#/%', '#/%E0%A4%A', '#//', '', '#', '#?a=1'])('reads %j', (hash) => {
  expect(() => parse(hash)).not.toThrow()
})

it('leaves out values that a field cannot show', () => {
  const { query } = parse('#/pools/a?field=Roles&add=a%E2%80%AEb&name=%F3%A0%81%81&search=caf%C3%A9+1')
  expect([...query]).toEqual([
    ['field', 'Roles'],
    ['search', 'café 1'],
  ])
})
