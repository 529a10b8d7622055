import { expect, it } from 'vitest'
import { loginOf, withBuiltIn } from './arns'

const dev = { oidc_provider_arn: 'arn:aws-cn:iam::000000000000:oidc-provider/127.0.0.1:4566/dev-issuer' }
const own = 'arn:aws-cn:iam::000000000000:saml-provider/poolhouse-dev'

it('lists the SAML provider of a development server once, and nowhere else', () => {
  expect(withBuiltIn(['a'], dev)).toEqual(['a', own])
  expect(withBuiltIn([own], dev)).toEqual([own])
  expect(withBuiltIn(['a'], null)).toEqual(['a'])
})

it('names logins', () => {
  expect(loginOf(dev.oidc_provider_arn)).toBe('127.0.0.1:4566/dev-issuer')
  expect(loginOf('accounts.google.com')).toBe('accounts.google.com')
})
