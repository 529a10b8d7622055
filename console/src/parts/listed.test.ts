import { expect, test } from 'vitest'
import { bound, listed, type Batch } from './listed'

// endless is a list of batches that always name another one.
function endless(size: number) {
  let asked = 0
  const read = (next?: string): Promise<Batch<number>> => {
    expect(next).toBe(asked === 0 ? undefined : `t${asked}`)
    asked++
    if (asked > 100) throw new Error('the list is read without a bound')

    return Promise.resolve({ items: Array.from({ length: size }, (_, n) => n), next: `t${asked}` })
  }

  return { read, asked: () => asked }
}

test('a list is read to its end', async () => {
  const batches: Batch<string>[] = [{ items: ['a', 'b'], next: 't' }, { items: [], next: 'u' }, { items: ['c'] }]
  const tokens: (string | undefined)[] = []
  const read = (next?: string) => {
    tokens.push(next)
    return Promise.resolve(batches[tokens.length - 1]!)
  }

  expect(await listed(read)).toEqual({ items: ['a', 'b', 'c'], more: false })
  expect(tokens).toEqual([undefined, 't', 'u'])
})

test.each([null, '', undefined])('%j is no token', async (next) => {
  expect(await listed(() => Promise.resolve({ items: [1], next }))).toEqual({ items: [1], more: false })
})

test('a list without an end is read up to the bound of items', async () => {
  const list = endless(60)
  const got = await listed(list.read, { items: 200, batches: 20 })

  expect([got.items.length, got.more, list.asked()]).toEqual([200, true, 4])
})

test('batches without an item are read up to the bound of batches', async () => {
  const list = endless(0)

  expect(await listed(list.read)).toEqual({ items: [], more: true })
  expect(list.asked()).toBe(bound.batches)
})

test('a list that ends beyond the bound has more', async () => {
  const once = () => Promise.resolve({ items: [1, 2, 3] })

  expect(await listed(once, { items: 2, batches: 1 })).toEqual({ items: [1, 2], more: true })
  expect(await listed(once, { items: 3, batches: 1 })).toEqual({ items: [1, 2, 3], more: false })
})
