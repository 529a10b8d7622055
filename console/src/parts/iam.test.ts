import { beforeEach, expect, it, vi } from 'vitest'
import { parseXML } from './xml'
import { ask, form, iam, partitionOf } from './iam'

const client = vi.hoisted(() => ({ callQuery: vi.fn() }))
vi.mock('./query', () => client)

beforeEach(() => client.callQuery.mockReset())

it('writes inputs with lists, in the version of the service', () => {
  expect(form('iam', 'X', { A: ['p', 'q'], B: undefined, C: 3 }).toString()).toBe(
    'Action=X&Version=2010-05-08&A.member.1=p&A.member.2=q&C=3',
  )
  expect(form('sts', 'X').toString()).toBe('Action=X&Version=2011-06-15')
})

it('returns the result of an answer, and the root of an answer without one', async () => {
  client.callQuery.mockResolvedValueOnce(parseXML('<R><GetUserResult><Arn>a</Arn></GetUserResult><Id>1</Id></R>'))
  expect((await iam('GetUser')).of('Arn')).toBe('a')

  client.callQuery.mockResolvedValueOnce(parseXML('<R><Id>1</Id></R>'))
  const options = { signal: AbortSignal.timeout(1000) }
  expect((await ask('sts', 'Forget', {}, options)).of('Id')).toBe('1')
  expect(client.callQuery).toHaveBeenLastCalledWith('sts', form('sts', 'Forget'), options)
})

it.each([
  ['us-east-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
])('knows the partition of %s', (region, partition) => expect(partitionOf(region)).toBe(partition))
