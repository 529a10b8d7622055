import { expect, test } from 'vitest'
import { total } from './refused'

test('the number is the sum of all reasons and steps', () => {
  expect(total({ 'token-expiry': [1, 0, 2], other: [4] })).toBe(7)
  expect(total({})).toBe(0)
})
