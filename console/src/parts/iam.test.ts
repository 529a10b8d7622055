import { beforeEach, expect, it, vi } from 'vitest'
import { parseXML } from '../frame/xml'
import { iam, listAll } from './iam'

const callQuery = vi.hoisted(() => vi.fn())
vi.mock('../frame/client', () => ({ callQuery }))

const answer = (result: string) => parseXML(`<ListXResponse>${result}<ResponseMetadata/></ListXResponse>`)

beforeEach(() => callQuery.mockReset())

it('returns the result of an answer, or all of one without a result', async () => {
  callQuery.mockResolvedValueOnce(answer('<ListXResult><A>a</A></ListXResult>')).mockResolvedValueOnce(answer(''))
  expect((await iam('ListX')).of('A')).toBe('a')
  expect((await iam('ListX')).name).toBe('ListXResponse')
})

it('reads the pages of a list with the marker of the one before', async () => {
  const page = (name: string, rest: string) =>
    answer(`<ListXResult><Xs><member><Arn>${name}</Arn></member></Xs>${rest}</ListXResult>`)
  callQuery
    .mockResolvedValueOnce(page('a', '<IsTruncated>true</IsTruncated><Marker>m</Marker>'))
    .mockResolvedValueOnce(page('b', '<IsTruncated>false</IsTruncated><Marker>n</Marker>'))

  expect(await listAll('ListX', 'Xs', (one) => one.of('Arn'), { Path: '/' })).toEqual({
    items: ['a', 'b'],
    more: false,
  })
  expect(callQuery.mock.calls.map((one): unknown => one[2])).toEqual([
    { Path: '/', MaxItems: 200 },
    { Path: '/', MaxItems: 200, Marker: 'm' },
  ])
})
