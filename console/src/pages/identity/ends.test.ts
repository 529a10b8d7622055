import { expect, it } from 'vitest'
import { accepting, notDeleted } from './ends'

it('finds the pools that a provider reaches', () => {
  const pool = (Id: string, Providers: string[] | null) => ({ Id, Name: Id, Providers })
  const pools = [
    pool('a', ['arn:aws:iam::000000000000:oidc-provider/issuer.example/a']),
    pool('b', ['arn:aws:iam::000000000000:saml-provider/corp', 'accounts.google.com']),
    pool('c', null),
  ]
  const found = (provider: string) => accepting(pools, provider).map((one) => one.Id)
  expect(found('issuer.example/a')).toEqual(['a'])
  expect(found('issuer.example')).toEqual([])
  expect(found('arn:aws:iam::000000000000:saml-provider/corp')).toEqual(['b'])
  expect(found('accounts.google.com')).toEqual(['b'])
})

it('tells why an identity is still there', () => {
  expect(notDeleted({})).toBe(null)
  expect(notDeleted({ UnprocessedIdentityIds: [] })).toBe(null)
  expect(notDeleted({ UnprocessedIdentityIds: [{ ErrorCode: 'AccessDenied' }] })).toMatch(/may not/)
  expect(notDeleted({ UnprocessedIdentityIds: [{ ErrorCode: 'InternalServerError' }] })).toMatch(/Try again/)
})
