import { expect, it, test } from 'vitest'
import { groups, pieces, sentence, tally, words } from './rungs'
import { deciding, type Step } from './types'

const step = (Code: string, OK = true, Provider?: string): Step => ({
  Code,
  Check: Code.replaceAll('-', ' '),
  OK,
  ...(Provider ? { Provider } : {}),
})

test('the checks of one provider stay in the order in which they were made', () => {
  const list = groups(
    [step('pool'), step('token-form', true, 'a'), step('token-audience', false, 'a'), step('trust-policy')],
    ['role'],
  )

  expect(list.map((group) => group.rungs.map((rung) => `${rung.state} ${rung.title}`))).toEqual([
    ['passed Pool', 'passed Token form', 'refused Token audience', 'passed Trust policy', 'unreached Role'],
  ])
})

test('the checks of several providers are kept apart, also when they came mixed', () => {
  const list = groups(
    [step('pool'), step('form', true, 'a'), step('form', false, 'b'), step('issuer', true, 'a'), step('link')],
    ['x'],
  )

  expect(list.map((group) => [group.provider, group.rungs.length])).toEqual([
    ['', 1],
    ['a', 2],
    ['b', 1],
    ['', 2],
  ])
})

test('checks that nothing came before stand alone', () => {
  expect(groups([], ['pool'])).toEqual([{ provider: '', rungs: [{ state: 'unreached', title: 'Pool', subject: '' }] }])
  expect(groups([], [])).toEqual([])
})

test('the tally counts what was not reached', () => {
  expect(tally([step('a'), step('b', false)], ['c', 'd'])).toBe('1 of 4 passed')
})

test('the last failed step decides', () => {
  expect(deciding([step('a', false), step('b', false), step('c')])?.Code).toBe('b')
  expect(deciding([step('a')])).toBeUndefined()
})

test.each([
  ['openid-connect-provider', 'OpenID Connect provider'],
  ['serversidetokencheck', 'ServerSideTokenCheck'],
  ['serversidetokencheck-disabled', 'ServerSideTokenCheck disabled'],
  ['saml-nameid-qualifier', 'SAML NameID qualifier'],
  ['account-at-x', 'Account at X'],
  ['token-at-facebook', 'Token at Facebook'],
  ['sign-out', 'Sign-out'],
  ['identity', 'Identity'],
])('the code %s reads %s', (code, text) => {
  expect(words(code)).toBe(text)
})

test('a text becomes a sentence', () => {
  expect(['', ' sign in ', 'why?', 'more…', 'iam:GetRole', 'a.b'].map(sentence)).toEqual([
    '',
    'Sign in.',
    'Why?',
    'More…',
    'iam:GetRole.',
    'a.b.',
  ])
})

it.each([
  ['Set `a_b` to 1.', ['Set ', 'a_b', ' to 1.']],
  ['`a`: or `b`', ['', 'a', ': or ', 'b', '']],
  ['one ` alone', ['one ` alone']],
  ['', ['']],
])('finds the names in %j', (text, found) => expect(pieces(text)).toEqual(found))
