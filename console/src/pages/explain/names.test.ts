import { expect, test } from 'vitest'
import { LOOKUPS, Names } from './names'

// pools answers as the server does, and keeps what it was asked.
function pools(all: Record<string, string>) {
  const asked: string[] = []
  let told = new Map<string, string>()
  const names = new Names(
    async ({ Search, MaxResults }) => {
      asked.push(Search ?? '')
      const found = Object.entries(all).filter(([id]) => !Search || id === Search)
      return { Pools: found.slice(0, MaxResults).map(([Id, Name]) => ({ Id, Name })) }
    },
    (known) => (told = known),
  )

  return { asked, names, told: () => Object.fromEntries(told) }
}

const rest = () => new Promise((done) => setTimeout(done))

test('a pool that was made later is looked up once', async () => {
  const all: Record<string, string> = { a: 'A' }
  const { asked, names, told } = pools(all)
  await names.start()
  all.b = 'B'
  names.want(['a', 'b', 'gone', 'us-east-1:12…'])
  names.want(['b', 'gone'])
  await rest()

  expect(asked).toEqual(['', 'b', 'gone'])
  expect(told()).toEqual({ a: 'A', b: 'B' })
})

test('a flood of pools is not looked up', async () => {
  const { asked, names } = pools({})
  await names.start()
  names.want(Array.from({ length: 1000 }, (_, n) => String(n)))
  await rest()

  expect(asked).toHaveLength(LOOKUPS + 1)
})

test('without the permission there are no names', async () => {
  const names = new Names(
    () => Promise.reject(new Error('denied')),
    () => expect.unreachable(),
  )
  names.want(['a'])
  await names.start()
})
