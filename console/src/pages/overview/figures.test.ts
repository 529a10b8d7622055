import { expect, it } from 'vitest'
import { asked, bytes, faults, latest, operations, periodOf, periods, reasons, refused, short } from './figures'
import type { Statistics, Status } from './figures'

const statistics = (refusals: Record<string, number[]> | null): Statistics => ({
  From: 0,
  To: 10_800,
  Step: 3600,
  KeptSince: 0,
  Series: {
    SignIns: [1, 2, 3],
    Guests: [0, 0, 0],
    Identities: null,
    Refused: refusals,
    Latency: {
      GetId: { Calls: [0, 2, 0], P50: [null, 3, null], P99: [null, 9, null] },
      ListTags: { Calls: [0, 0, 0], P50: [null, null, null], P99: [null, null, null] },
    },
  },
})

it('adds up refusals by step and by reason', () => {
  const of = statistics({ a: [1, 0, 2], b: [0, 5, 0], never: [0, 0, 0] })
  expect(refused(of)).toEqual([1, 5, 2])
  expect(reasons(of)).toEqual([
    { code: 'b', number: 5 },
    { code: 'a', number: 3 },
  ])
  expect(refused(statistics(null))).toEqual([0, 0, 0])
})

it('lists operations that were called', () => {
  expect(operations(statistics(null)).map((one) => one.name)).toEqual(['GetId'])
  expect(latest([null, 3, null])).toBe(3)
  expect(latest([null])).toBe(null)
})

it('asks for at most the steps that the server gives', () => {
  for (const period of periods) {
    const input = asked(period, 1_800_000_000_123)
    expect((input.To - input.From) / input.Step).toBe(period.days * 24)
  }
  expect(periodOf('7d').days).toBe(7)
  expect(periodOf('constructor').days).toBe(1)
  expect(periodOf(null).days).toBe(1)
})

it('writes numbers', () => {
  expect([short(0), short(48206), short(1_020_000), short(2_500_000_000)]).toEqual(['0', '48,206', '1.02 M', '2.50 G'])
  expect([bytes(12), bytes(1_230_000)]).toEqual(['12 bytes', '1.23 MB'])
})

it('tells what is not well', () => {
  const node = {
    Node: 'a',
    Version: '1',
    Started: 0,
    Store: { Engine: 'sqlite', Reachable: true, Writable: true, SizeBytes: 1 },
    Engines: [{ Name: 'e', Healthy: true }],
    LogLinesDropped: 0,
  }
  const status = (change: Partial<typeof node>, rest: Partial<Status> = {}): Status => ({
    Version: '1',
    Nodes: [{ ...node, ...change }],
    ...rest,
  })
  expect(faults(status({}))).toEqual([])
  expect(faults(status({ LogLinesDropped: 2 }))).toHaveLength(1)
  expect(faults(status({ Engines: [{ Name: 'e', Healthy: false }] }))).toEqual(['The engine e does not answer a.'])
  expect(faults(status({ Store: { ...node.Store, Reachable: false, Writable: false } }))).toHaveLength(1)
  expect(faults(status({}, { Silent: ['b'], Warning: 'Alone.' }))).toEqual(['Alone.', 'The node b did not answer.'])
})
