import { expect, test } from 'vitest'
import { groups, tally } from './rungs'
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
