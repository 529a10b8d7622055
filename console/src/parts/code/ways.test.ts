import { expect, it } from 'vitest'
import { waysOf } from './ways'

const saml = 'arn:aws:iam::000000000000:saml-provider/corp'
const pool = { guests: true, logins: ['accounts.google.com', saml, 'login.shop'], developer: 'login.shop' }
const flows = (classic: Parameters<typeof waysOf>[1]) => waysOf(pool, classic).map((way) => [way.flow, way.login])
const enhanced = [
  ['user', 'accounts.google.com'],
  ['user', saml],
  ['developer', 'login.shop'],
  ['guest', undefined],
]

it('has no classic flow where the pool does not allow it', () => expect(flows(null)).toEqual(enhanced))

it('has the classic flow last, and not for SAML', () =>
  expect(flows({})).toEqual([
    ...enhanced,
    ['classic', 'accounts.google.com'],
    ['developerclassic', 'login.shop'],
    ['guestclassic', undefined],
  ]))

it('fills in the roles of the pool, guests and users apart', () =>
  expect(
    waysOf(pool, { authenticated: 'arn:user', unauthenticated: 'arn:guest' })
      .slice(4)
      .map((way) => way.role),
  ).toEqual(['arn:user', 'arn:user', 'arn:guest']))

it('accepts nobody where nobody may sign in', () =>
  expect(waysOf({ guests: false, logins: [], developer: '' }, {})).toEqual([]))
