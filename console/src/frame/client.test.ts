import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { call, CallError } from './client'
import { callQuery } from '../parts/query'
import { session } from './session.svelte'

let answers: Response[] = []
let sent: Request[] = []

beforeEach(() => {
  answers = []
  sent = []
  vi.stubGlobal('location', { origin: 'http://127.0.0.1:4566' })
  vi.stubGlobal('isSecureContext', true)
  vi.stubGlobal('sessionStorage', { setItem: () => undefined, removeItem: () => undefined })
  vi.stubGlobal('fetch', (request: Request) => {
    sent.push(request)
    const answer = answers.shift()
    return answer ? Promise.resolve(answer) : Promise.reject(new TypeError('no connection'))
  })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 26, 12) })
  session.use({ accessKeyId: 'AKIATEST', secretAccessKey: 'secret' }, false)
  session.clockOffset = 0
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const refused = (status: number, code: string, message: string, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ __type: code, message }), {
    status,
    headers: { 'x-amzn-errortype': `${code}:http://internal.amazon.com/`, 'x-amzn-requestid': 'r-1', ...headers },
  })

const kindOf = async (answer: Response): Promise<unknown> => {
  answers = [answer]
  const error: unknown = await call('admin', 'Explain').catch((failed: unknown) => failed)
  expect(error).toBeInstanceOf(CallError)
  return { kind: (error as CallError).kind, code: (error as CallError).code, requestId: (error as CallError).requestId }
}

it('signs for the service, and returns the answer', async () => {
  answers = [new Response('{"Pools":[]}')]
  expect(await call('admin', 'ListPoolSummaries', { MaxResults: 1 })).toEqual({ Pools: [] })
  const authorization = sent[0]?.headers.get('authorization') ?? ''
  expect(authorization).toContain('AKIATEST/20261126/us-east-1/poolhouse/aws4_request')
  expect(sent[0]?.headers.get('x-amz-target')).toBe('PoolhouseAdmin.ListPoolSummaries')
  expect(authorization + sent[0]?.url).not.toContain('secret')
})

it('tells kinds of failures apart', async () => {
  expect(await kindOf(refused(400, 'ResourceNotFoundException', 'no pool'))).toEqual({
    kind: 'refused',
    code: 'ResourceNotFoundException',
    requestId: 'r-1',
  })
  expect(await kindOf(refused(400, 'AccessDeniedException', 'x'))).toMatchObject({ kind: 'denied' })
  expect(await kindOf(refused(403, 'UnrecognizedClientException', 'x'))).toMatchObject({ kind: 'key' })
  expect(await kindOf(refused(403, 'InvalidSignatureException', 'Signature expired: now'))).toMatchObject({
    kind: 'clock',
  })
  expect(await kindOf(refused(500, 'InternalErrorException', 'x'))).toMatchObject({ kind: 'broken' })
  expect(await kindOf(new Response('<html>', { status: 502 }))).toMatchObject({ kind: 'broken' })
  expect(await kindOf(new Response('<html>', { status: 200 }))).toMatchObject({ kind: 'refused' })
  answers = []
  await expect(call('admin', 'Explain')).rejects.toMatchObject({ kind: 'unreachable' })
})

it('reads refusals of the query protocol', async () => {
  answers = [
    new Response(
      '<ErrorResponse><Error><Code>AccessDenied</Code><Message>no &amp; no</Message></Error></ErrorResponse>',
      {
        status: 403,
      },
    ),
  ]
  await expect(callQuery('iam', new URLSearchParams({ Action: 'ListRoles' }))).rejects.toMatchObject({
    kind: 'denied',
    message: 'no & no',
    operation: 'ListRoles',
  })
})

it("signs once more with the server's time when the clock is wrong", async () => {
  const date = new Date(Date.now() + 3_600_000).toUTCString()
  answers = [refused(403, 'InvalidSignatureException', 'Signature not yet current', { Date: date }), new Response('{}')]
  await call('admin', 'Explain')
  expect(sent.map((request) => request.headers.get('x-amz-date'))).toEqual(['20261126T120000Z', '20261126T130000Z'])
  expect(session.clockOffset).toBe(3_600_000)

  const again = async (offset: number): Promise<number> => {
    answers = [new Response('{}', { headers: { Date: new Date(Date.now() + offset).toUTCString() } })]
    await call('admin', 'Explain')
    return session.clockOffset
  }
  expect(await again(3_601_000)).toBe(3_600_000)
  expect(await again(3_700_000)).toBe(3_700_000)
  expect(await again(1000)).toBe(0)
})

it('asks for another key once when the server refuses the key', async () => {
  expect(await kindOf(refused(400, 'AccessDeniedException', 'x'))).toMatchObject({ kind: 'denied' })
  expect(session.asking).toBe(false)

  expect(await kindOf(refused(400, 'ExpiredTokenException', 'It expired.'))).toMatchObject({ kind: 'key' })
  expect([session.asking, session.refused]).toEqual([true, { expired: true, words: 'It expired.' }])

  session.asking = false
  await kindOf(refused(400, 'ExpiredTokenException', 'It expired.'))
  expect(session.asking).toBe(false)

  session.use({ accessKeyId: 'AKIAOTHER', secretAccessKey: 'secret' }, false)
  await kindOf(refused(403, 'UnrecognizedClientException', 'unknown'))
  expect([session.asking, session.refused]).toEqual([true, { expired: false, words: 'unknown' }])
})

it('does not ask for another key when a call was made with a key of its own', async () => {
  answers = [refused(400, 'ExpiredTokenException', 'x')]
  const key = { accessKeyId: 'ASIAOWN', secretAccessKey: 'secret' }
  await expect(call('admin', 'CheckAccess', {}, { key })).rejects.toMatchObject({ kind: 'key' })
  expect(session.asking).toBe(false)
})

it('repeats a call that was too many, three times at most', async () => {
  const waits: number[] = []
  vi.stubGlobal('setTimeout', (done: () => void, milliseconds: number) => {
    waits.push(milliseconds)
    queueMicrotask(done)
  })
  const many = () => refused(429, 'TooManyRequestsException', 'slow down')

  answers = [many(), new Response('{}')]
  await call('admin', 'Explain')
  answers = [many(), many(), many(), new Response('{}')]
  await expect(call('admin', 'Explain')).rejects.toMatchObject({ kind: 'throttled' })
  expect(waits).toEqual([600, 600, 1200])
})
