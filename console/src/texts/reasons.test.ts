import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { load, reason, title } from './reason.svelte'
import { texts } from './reasons'

const written = Object.keys(texts)
const here = import.meta.dirname
const catalogue = readFileSync(`${here}/../../../docs/errors.md`, 'utf8').split('\n## Reasons\n')[1] ?? ''
const documented = [...catalogue.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map((row) => row[1] ?? '')
const without = readFileSync(`${here}/reasons.without.txt`, 'utf8').trim().split('\n')

test('before the table is there, a reason has the words of its code', async () => {
  expect(title('token-audience')).toBe('Token audience')
  await load()
  expect(title('token-audience')).toBe('The token was made for another client')
})

test('the catalogue is read', () => {
  expect(documented.length).toBeGreaterThan(500)
  expect(documented).toContain('token-audience')
})

test('every documented reason has a text, or is listed as one without', () => {
  const known = new Set([...written, ...without])
  expect(documented.filter((code) => !known.has(code))).toEqual([])
})

test('every text and every listed code is a documented reason, once', () => {
  const real = new Set(documented)
  expect([...written, ...without].filter((code) => !real.has(code))).toEqual([])
  expect(without.filter((code) => written.includes(code))).toEqual([])
  expect(new Set(without).size).toBe(without.length)
})

test('texts are sentences', () => {
  for (const code of written) {
    const { title, why } = reason(code)
    expect(title, code).toMatch(/^[A-Z].*[^.]$/)
    expect(why, code).toMatch(/\.$/)
  }
})

test('values of the check stand in the text, and braces in a value stay', () => {
  const step = {
    Code: 'token-audience',
    Check: 'token audience',
    OK: false,
    Expected: 'shop',
    Got: '{expected}',
    Link: { Kind: 'oidc-provider', Add: 'other-app' },
  }
  expect(reason('token-audience', step)).toEqual({
    title: 'The token was made for another client',
    why: 'The token is for {expected}. The server accepts shop.',
    action: 'Add other-app to the provider',
  })
})

test('an action without its value is none', () => {
  expect(reason('token-audience').action).toBe('')
  expect(reason('default-role').action).toBe('Choose a role')
})

test('a reason without a text has the title of its family, and an unknown one its code', () => {
  expect(title('saml-nameid-qualifier')).toBe('The SAML response was not accepted')
  expect(title('token-new-thing')).toBe('The token was not accepted')
  expect(title('brand-new')).toBe('Brand new')
  expect(title('')).toBe('The call was refused')
  expect(title('constructor')).toBe('Constructor')
  expect(reason('brand-new', { Code: 'x', Check: 'x', OK: false, Expected: 'a', Got: 'b' }).why).toBe(
    'Expected: a. Got: b.',
  )
})
