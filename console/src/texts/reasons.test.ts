import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { capital, words } from '../parts/trace/rungs'
import { load, reason, title } from './reason.svelte'
import { texts } from './reasons'

const written = Object.keys(texts)
const here = import.meta.dirname
const catalogue = readFileSync(`${here}/../../../docs/errors.md`, 'utf8').split('\n## Reasons\n')[1] ?? ''
const documented = [...catalogue.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map((row) => row[1] ?? '')
// A value stands for each placeholder, as the server fills them in.
const rows = [
  ...catalogue
    .replaceAll(/\{\w+\}/g, 'Value')
    .matchAll(/^\| `([a-z0-9-]+)` \| (.+?) (?<!\\)\| (.+?) (?<!\\)\| (.+?) (?<!\\)\| (.+?) (?<!\\)\|$/gm),
].map(([, Code = '', Check = '', Expected = '', Got = '', Fix = '']) => ({
  Code,
  Check,
  OK: false,
  Expected,
  Got,
  Fix,
}))
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
    advice: 'Compare what the app was told with what it sent; the checks are below.',
  })
})

test('an action without its value is none', () => {
  expect(reason('token-audience').action).toBe('')
  expect(reason('default-role').action).toBe('Choose a role')
})

test('every documented refusal has a headline, a paragraph and advice', () => {
  expect(rows.length).toBe(documented.length)
  for (const step of rows) {
    const { title, why, advice } = reason(step.Code, step)
    expect(title, step.Code).toMatch(/^[A-Z].{8,}[^.]$/)
    expect(title, step.Code).not.toMatch(/^This check/)
    expect(why, step.Code).toMatch(/^[A-Z].{15,}\.$/s)
    expect(advice, step.Code).toMatch(/^([A-Z]|`|[a-z]+[:./]).*[.?!]$/s)
  }
})

test('the name of every check can be made from its code', () => {
  for (const { Check } of rows) expect(words(Check.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'))).toBe(capital(Check))
})

test('a reason without a text has the title of its family, and an unknown one its check', () => {
  expect(title('saml-nameid-qualifier')).toBe('The SAML response was not accepted')
  expect(title('token-new-thing')).toBe('The token was not accepted')
  expect(title('brand-new')).toBe('This check did not pass: Brand new')
  expect(title('')).toBe('The call was refused')
  expect(title('constructor')).toBe('This check did not pass: Constructor')
})

test.each([
  [{ Expected: 'a', Got: 'b' }, 'The server expected a. It got b.'],
  [{ Got: 'none: it is gone.' }, 'The server got none: it is gone.'],
  [{ Got: 'b' }, 'The server got b.'],
  [{ Expected: 'a' }, 'The server expected a.'],
  [{}, 'The call did not pass the check “x”.'],
])('a refusal of an unknown reason has a paragraph: %j', (values, why) => {
  expect(reason('brand-new', { Code: 'x', Check: 'x', OK: false, ...values }).why).toBe(why)
})

test('a refusal without any check has a paragraph and advice', () => {
  const { why, advice } = reason('brand-new')
  expect(why).toBe('The call did not pass a check of the server.')
  expect(advice).toMatch(/^Compare /)
})

test("the server's advice becomes a sentence", () => {
  const step = { Code: 'x', Check: 'x', OK: false, Fix: 'sign in again' }
  expect(reason('x', step).advice).toBe('Sign in again.')
  expect(reason('x', { ...step, Fix: 'Is it yours?' }).advice).toBe('Is it yours?')
})
