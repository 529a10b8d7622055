import { expect, test } from 'vitest'
import { cell, columns, first, lacks, where, type Result } from './matrix'

const result = (steps: string[], Accepted = false): Result => ({
  IdentityPoolId: 'p',
  Name: 'p',
  Accepted,
  Steps: steps.map((text) => ({ Code: text, Check: text.replace('!', ''), OK: !text.startsWith('!') })),
})

test('columns are all checks in their order', () => {
  expect(columns([result(['form', 'issuer', 'role']), result(['form', 'provider', 'audience', 'role'])])).toEqual([
    'form',
    'provider',
    'audience',
    'issuer',
    'role',
  ])
  expect(columns([])).toEqual([])
  expect(columns([result(['role', 'role'])])).toEqual(['role'])
})

test('a cell is refused if one of its checks is, and none without a check', () => {
  const one = result(['form', 'role', '!role'])
  expect(['form', 'role', 'audience'].map((check) => cell(one, check))).toEqual(['passed', 'refused', 'none'])
})

test('the first refused check is where a pool decided', () => {
  expect(where(result(['form', '!audience', '!role']))).toBe('at Audience')
  expect(where(result(['form'], true))).toBe('Accepted')
  expect(where(result([]))).toBe('at The end')
  expect(first(result(['form']))).toBeUndefined()
})

test('a pool without the provider is one sentence', () => {
  expect(lacks(result(['!login provider']))).toBe(true)
  expect(lacks(result(['login provider', '!audience']))).toBe(false)
})
