import { expect, test } from 'vitest'
import { lacks, missingStatement } from './denied'

const pool =
  'arn:aws:cognito-identity:us-east-1:000000000000:identitypool/us-east-1:00000000-0000-4000-8000-00000000dead'
const refusal = (rest: string) => ({
  message: `User: arn:aws:iam::000000000000:user/ann is not authorized to perform: ${rest}`,
})

test('a refusal names the action and the resource', () => {
  expect(lacks(refusal(`cognito-identity:ListIdentities on resource: ${pool}`))).toEqual({
    action: 'cognito-identity:ListIdentities',
    resource: pool,
    denied: false,
  })
  expect(lacks(refusal(`cognito-identity:ListIdentities on resource: ${pool} with an explicit deny`))).toMatchObject({
    resource: pool,
    denied: true,
  })
  expect(lacks(refusal('poolhouse:GetStatistics'))).toEqual({
    action: 'poolhouse:GetStatistics',
    resource: '',
    denied: false,
  })
  expect(lacks({ message: 'Access denied' })).toBeNull()
})

test('the missing statement allows nothing else', () => {
  const statement = (resource: string) =>
    JSON.parse(missingStatement({ action: 'poolhouse:Explain', resource, denied: false })) as unknown
  expect(statement(pool)).toEqual({ Effect: 'Allow', Action: 'poolhouse:Explain', Resource: pool })
  expect(statement('')).toEqual({ Effect: 'Allow', Action: 'poolhouse:Explain', Resource: '*' })
})
