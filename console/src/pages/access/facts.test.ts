import { describe, expect, it } from 'vitest'
import { factsOf, faultsOf, stepsOf, type Facts } from './facts'
import type { Role } from './iam'

const role: Role = {
  name: 'Reader',
  path: '/',
  arn: 'arn:aws:iam::000000000000:role/Reader',
  created: '2026-11-26T00:00:00Z',
  description: 'reads',
  trust: '{}',
  maxSession: 3600,
  boundary: 'arn:aws:iam::000000000000:policy/Bound',
  tags: [
    { Key: 'env', Value: 'prod' },
    { Key: 'team', Value: '' },
  ],
}
const draft = (change: Partial<Facts> = {}): Facts => ({ ...factsOf(role), ...change })

describe('stepsOf', () => {
  it('does nothing for a draft without changes', () => expect(stepsOf(role, draft())).toEqual([]))

  it.each<[Partial<Facts>, string, object]>([
    [{ description: '' }, 'UpdateRole', { Description: '', MaxSessionDuration: '3600' }],
    [{ seconds: '7200' }, 'UpdateRole', { Description: 'reads', MaxSessionDuration: '7200' }],
    [{ boundary: ' ' }, 'DeleteRolePermissionsBoundary', {}],
    [
      { boundary: ' arn:aws:iam::aws:policy/A ' },
      'PutRolePermissionsBoundary',
      { PermissionsBoundary: 'arn:aws:iam::aws:policy/A' },
    ],
    [{ tags: [{ id: 1, key: 'team', value: '' }] }, 'UntagRole', { TagKeys: ['env'] }],
    [
      { tags: [...factsOf(role).tags.slice(1), { id: 9, key: 'env', value: 'test' }] },
      'TagRole',
      { 'Tags.member.1.Key': 'env', 'Tags.member.1.Value': 'test' },
    ],
  ])('changes only what differs: %j', (change, action, input) => {
    expect(stepsOf(role, draft(change))).toMatchObject([{ action, input: { RoleName: 'Reader', ...input } }])
  })

  it('removes a tag before it sets others', () => {
    const steps = stepsOf(role, draft({ tags: [{ id: 1, key: 'new', value: 'x' }] }))
    expect(steps.map((one) => one.action)).toEqual(['UntagRole', 'TagRole'])
  })
})

it.each<[Partial<Facts>, keyof ReturnType<typeof faultsOf>]>([
  [{ seconds: '3599' }, 'seconds'],
  [{ seconds: '43201' }, 'seconds'],
  [{ seconds: '1e4' }, 'seconds'],
  [{ boundary: 'Bound' }, 'boundary'],
  [{ tags: [{ id: 1, key: '', value: 'x' }] }, 'tags'],
  [
    {
      tags: [
        { id: 1, key: 'a', value: '' },
        { id: 2, key: 'a', value: '' },
      ],
    },
    'tags',
  ],
])('finds a fault of %j', (change, field) => {
  expect(Object.values(faultsOf(draft())).join('')).toBe('')
  expect(faultsOf(draft(change))[field]).not.toBe('')
})
