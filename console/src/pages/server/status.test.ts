import { expect, it } from 'vitest'
import { bytes, chosen, troubles, type Setting, type Status } from './status'

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [278_528, '272 KiB'],
  [5 * 1024 ** 4, '5.0 TiB'],
])('writes %j bytes', (n, text) => expect(bytes(n)).toBe(text))

const node = {
  Node: 'a',
  Version: '1',
  Started: 0,
  UptimeSeconds: 0,
  Store: { Engine: 'sqlite', Reachable: true, Writable: true, SchemaVersion: 1, SizeBytes: 0 },
  Engines: [],
  LogLinesDropped: 0,
  Load: null,
}
const status: Status = { Version: '1', Nodes: [node], Silent: [], Alone: false, SigningKeys: null }

it('tells what is wrong', () => {
  expect(troubles(status)).toEqual([])
  const bad = {
    ...node,
    Store: { ...node.Store, Writable: false },
    Engines: [{ Name: 'minio', Healthy: false }],
    LogLinesDropped: 2,
  }
  expect(troubles({ ...status, Nodes: [bad], Silent: ['b'] })).toHaveLength(4)
  expect(troubles({ ...status, Nodes: [{ ...bad, Store: { ...bad.Store, Reachable: false } }] })[0]).toContain(
    'does not answer',
  )
})

it('filters settings', () => {
  const setting = (Name: string, Source: string): Setting => ({
    Name,
    Source,
    Value: 'v',
    Default: '',
    NeedsRestart: true,
  })
  const all = [setting('listen', 'flag --listen'), setting('region', 'default')]
  const names = (list: Setting[]) => list.map((one) => one.Name)
  expect(names(chosen(all, '', 'all'))).toEqual(['listen', 'region'])
  expect(names(chosen(all, '', 'set'))).toEqual(['listen'])
  expect(names(chosen(all, '', 'default'))).toEqual(['region'])
  expect(names(chosen(all, ' REG', 'all'))).toEqual(['region'])
})
