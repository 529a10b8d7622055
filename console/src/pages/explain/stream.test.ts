import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Refusal } from '../../parts/trace/types'

interface Answer {
  Refusals: Refusal[]
  Next: string
  Skipped: number
  KeptSince: number
}

const asked: { input: Record<string, unknown>; signal: AbortSignal }[] = []
let answers: (Answer | Error)[] = []

vi.mock('../../frame/client', () => {
  class CallError extends Error {
    constructor(
      readonly kind: string,
      message: string,
    ) {
      super(message)
    }
  }
  return {
    CallError,
    call: (_: string, __: string, input: Record<string, unknown>, { signal }: { signal: AbortSignal }) => {
      asked.push({ input, signal })
      const next = answers.shift()
      if (next instanceof Error) return Promise.reject(next)
      if (next) return Promise.resolve(next)
      return new Promise((_, stop) => signal.addEventListener('abort', () => stop(new Error('aborted'))))
    },
    pause: (milliseconds: number, signal: AbortSignal) =>
      new Promise<void>((done, stop) => {
        setTimeout(done, milliseconds)
        signal.addEventListener('abort', () => stop(new Error('aborted')))
      }),
  }
})

const { CallError } = await import('../../frame/client')
const { Stream } = await import('./stream.svelte')

const refusals = (from: number, many: number): Refusal[] =>
  Array.from({ length: many }, (_, n) => ({
    RequestId: `r${from + n}`,
    Time: from + n,
    Operation: 'GetId',
    Outcome: 'NotAuthorizedException',
    Reason: 'token-audience',
    Client: `c${from + n}`,
    Node: 'a',
  }))
const answer = (list: Refusal[], Skipped = 0): Answer => ({ Refusals: list, Next: 'n', Skipped, KeptSince: 1 })
const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds)
let stream: InstanceType<typeof Stream>

beforeEach(() => {
  vi.useFakeTimers()
  asked.length = 0
  answers = []
  stream = new Stream()
})
afterEach(() => {
  stream.end()
  vi.useRealTimers()
})

test('the first question does not wait; the next ones wait at the server, with the filters', async () => {
  answers = [answer(refusals(0, 3))]
  stream.begin({ Reason: 'x' })
  await pass(0)

  expect(stream.state).toBe('live')
  expect(stream.rows).toHaveLength(3)
  expect(asked[0]?.input).toEqual({ Reason: 'x', MaxResults: 200, WaitSeconds: 0 })
  await pass(300)
  expect(asked[1]?.input).toEqual({ Reason: 'x', MaxResults: 200, WaitSeconds: 20, After: 'n' })
  expect(asked).toHaveLength(2)
})

test('a flood is shown in portions of 50', async () => {
  answers = [answer([]), answer(refusals(0, 120), 7)]
  stream.begin({})
  await pass(0)
  expect(stream.total).toBe(50)
  await pass(250)
  expect(stream.total).toBe(100)
  await pass(500)

  expect(stream.total).toBe(120)
  expect(stream.left).toBe(7)
})

test('a pause ends the open request, and no other follows', async () => {
  answers = [answer([])]
  stream.begin({})
  await pass(300)
  stream.pause('paused')
  await pass(60_000)

  expect(asked.at(-1)?.signal.aborted).toBe(true)
  expect(asked).toHaveLength(2)
  expect(stream.state).toBe('paused')
})

test('failures are tried again after 1, 2 and 4 seconds, and at once on demand', async () => {
  answers = [answer(refusals(0, 1)), ...[1, 2, 3].map(() => new CallError('unreachable', 'gone'))]
  stream.begin({})
  await pass(300)
  expect([stream.state, asked.length]).toEqual(['waiting', 2])
  await pass(1000)
  expect(asked).toHaveLength(3)
  await pass(2000)
  expect(asked).toHaveLength(4)
  expect(stream.rows).toHaveLength(1)

  answers = [answer([])]
  stream.now()
  await pass(0)
  expect(stream.state).toBe('live')
  expect(asked[4]?.input).toMatchObject({ WaitSeconds: 0, After: 'n' })
})

test('a key that may not list is not tried again', async () => {
  answers = [new CallError('denied', 'no')]
  stream.begin({})
  await pass(60_000)

  expect([stream.state, asked.length]).toEqual(['failed', 1])
})

test('a position that the server does not know any more begins anew', async () => {
  answers = [answer(refusals(0, 1)), new CallError('refused', 'position'), answer(refusals(5, 2))]
  stream.begin({})
  await pass(3000)

  expect(asked[2]?.input).not.toHaveProperty('After')
  expect(stream.rows).toHaveLength(2)
})
