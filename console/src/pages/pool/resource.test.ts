import { expect, it } from 'vitest'
import { arnOf, tagChanges } from './resource'

it.each([
  ['us-east-1:1-2', 'arn:aws:cognito-identity:us-east-1:42:identitypool/us-east-1:1-2'],
  ['cn-north-1:1', 'arn:aws-cn:cognito-identity:cn-north-1:42:identitypool/cn-north-1:1'],
  ['us-gov-west-1:1', 'arn:aws-us-gov:cognito-identity:us-gov-west-1:42:identitypool/us-gov-west-1:1'],
])('names %j', (id, arn) => expect(arnOf(id, '42')).toBe(arn))

it('changes only tags that differ', () => {
  expect(tagChanges({ a: '1', b: '2', c: '' }, { a: '1', b: '3', d: '' })).toEqual({
    set: { b: '3', d: '' },
    unset: ['c'],
  })
})

it('sees tags with the names of what every object has', () => {
  expect(tagChanges({ constructor: 'a', toString: 'b' }, { toString: 'c' })).toEqual({
    set: { toString: 'c' },
    unset: ['constructor'],
  })
})
