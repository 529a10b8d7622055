import { describe, expect, test } from 'vitest'
import { languages, moved, read } from './languages'
import { calls, fill, samples, type Flow } from './samples'

const values = {
  pool: 'eu-west-1:11111111-2222-4333-8444-555555555555',
  endpoint: 'https://id.example.com/',
  login: 'accounts.example.com/tenant',
  role: 'arn:aws:iam::000000000000:role/App',
}

const flows: Record<Flow, string[]> = {
  guest: ['GetId', 'GetCredentialsForIdentity', 'GetCallerIdentity'],
  guestclassic: ['GetId', 'GetOpenIdToken', 'AssumeRoleWithWebIdentity', 'GetCallerIdentity'],
  user: ['GetId', 'GetCredentialsForIdentity', 'GetCallerIdentity'],
  classic: ['GetId', 'GetOpenIdToken', 'AssumeRoleWithWebIdentity', 'GetCallerIdentity'],
  developer: ['GetOpenIdTokenForDeveloperIdentity', 'GetCredentialsForIdentity', 'GetCallerIdentity'],
  developerclassic: ['GetOpenIdTokenForDeveloperIdentity', 'AssumeRoleWithWebIdentity', 'GetCallerIdentity'],
}

describe('samples', () => {
  for (const flow of Object.keys(flows) as Flow[]) {
    test(`${flow} has a file for each language, and no placeholder is left`, () => {
      const all = samples(flow, values)

      expect(all.map((one) => one.language)).toEqual(languages.map((one) => one.id))
      for (const { language, text } of all) {
        expect(text, language).toContain(values.pool)
        expect(text, language).toContain('eu-west-1')
        expect(text, language).toMatch(/https:\/\/id\.example\.com['"]/)
        expect(text, language).not.toMatch(/__[A-Z]/)
        expect(text, language).not.toContain('go:build')
        expect(text.includes(values.login), language).toBe(!flow.startsWith('guest'))
        expect(text.includes(values.role), language).toBe(flow.endsWith('classic'))
        if (flow === 'user') expect(text, language).toContain('TOKEN')
      }
    })
  }

  test('a value that is not known stays a placeholder', () => {
    const all = samples('user', { pool: values.pool, endpoint: values.endpoint })

    for (const { text } of all) expect(text).toContain('__LOGIN_KEY__')
  })

  test('a value cannot end its quotes', () => {
    const login = `a'"; \\ \n$(id)\u2028`
    const one = (language: 'sh' | 'mjs' | 'py', quote: string) =>
      fill(`${quote}__LOGIN_KEY__${quote}`, language, { ...values, login })

    expect(one('sh', "'")).toBe(`'a'\\''"; \\ \n$(id)\u2028'`)
    expect(one('mjs', "'")).toBe(`'a\\'\\"; \\\\ \\n$(id)\\u2028'`)
    expect(one('py', '"')).toBe(`"a'\\"; \\\\ \\n$(id)\\u2028"`)
  })

  test('a value is filled in once', () => {
    expect(fill('__LOGIN_KEY__', 'sh', { ...values, login: '__POOL_ID__$&' })).toBe('__POOL_ID__$&')
  })
})

describe('languages', () => {
  test('the stored one is taken if it exists', () => {
    expect(read({ getItem: () => 'go' })).toBe('go')
    expect(read({ getItem: () => 'cobol' })).toBe('sh')
    expect(read(undefined)).toBe('sh')
  })

  test('keys move around the tabs', () => {
    expect(['ArrowRight', 'ArrowLeft', 'Home', 'End', 'a'].map((key) => moved(key, 4, 5))).toEqual([
      0,
      3,
      0,
      4,
      undefined,
    ])
    expect(moved('ArrowLeft', 0, 5)).toBe(4)
  })
})

test('each sample has one call of each operation of its flow', () => {
  for (const [flow, operations] of Object.entries(flows))
    for (const operation of operations)
      for (const { language, text } of samples(flow as Flow, values))
        expect(
          text.split('\n').filter((line) => calls(line, operation)),
          `${flow} ${language} ${operation}`,
        ).toHaveLength(1)
})
