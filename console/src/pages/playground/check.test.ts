import { expect, test } from 'vitest'
import { checkOf } from './check'

test('the settings tell whether there is a check endpoint', () => {
  const one = (Source: string) => ({ Settings: [{ Name: 'check', Value: '1 defined', Source }] })

  expect(checkOf(one('file /etc/poolhouse.yaml'))).toBe('setting check, file /etc/poolhouse.yaml')
  expect(checkOf(one('default'))).toBe('')
  expect(checkOf({})).toBe('')
})
