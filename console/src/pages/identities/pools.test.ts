import { expect, it } from 'vitest'
import { logins, named, type Listed } from './pools'

const id = (n: number) => `us-east-1:00000000-0000-0000-0000-00000000000${n}`
const pool = (n: number, Name: string): Listed => ({ Id: id(n), Name, Providers: null })
const pools = [pool(1, 'shop'), pool(2, 'twice'), pool(3, 'twice')]

it.each([
  ['', ''],
  ['  ', ''],
  ['shop', id(1)],
  ['twice', null],
  ['sho', null],
  [id(2), id(2)],
  [id(9), id(9)],
])('reads %j', (text, found) => expect(named(text, pools)).toBe(found))

it('names logins as tokens do', () => {
  const Providers = [
    'accounts.google.com',
    'arn:aws:iam::000000000000:oidc-provider/issuer.example/a',
    'arn:aws:iam::000000000000:saml-provider/corp',
  ]
  expect(logins({ ...pool(1, 'shop'), Providers })).toEqual([Providers[0], 'issuer.example/a', Providers[2]])
})
