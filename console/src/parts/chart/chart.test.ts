import { expect, it } from 'vitest'
import { across, alone, highest, moved, nearest, path, ticks, type Line } from './chart'

const box = { left: 10, right: 110, top: 0, bottom: 100 }
const line = (values: (number | null)[]): Line => ({ id: 'a', words: 'a', values, tone: 'accent' })

it.each([
  [[], 1],
  [[0, null], 1],
  [[3], 4],
  [[7], 10],
  [[10], 10],
  [[11, 40], 40],
  [[1020], 2000],
  [[2.5], 4],
])('ends the axis of %j at %d', (values, end) => expect(highest([line(values)])).toBe(end))

it('breaks a line where a value is missing, and finds those that stand alone', () => {
  expect(path([0, 50, null, 100, null], 100, box)).toBe('M10 100L35 50M85 0')
  expect(alone([0, 50, null, 100, null])).toEqual([{ n: 3, value: 100 }])
  expect(path([null, null], 100, box)).toBe('')
  expect(path([1], 1, box)).toBe('M60 0')
  expect(alone([1])).toEqual([{ n: 0, value: 1 }])
})

it('finds the step under the pointer', () => {
  for (const n of [0, 1, 2, 3, 4]) expect(nearest(across(n, 5, box), 5, box)).toBe(n)
  expect(nearest(-50, 5, box)).toBe(0)
  expect(nearest(500, 5, box)).toBe(4)
  expect(nearest(60, 1, box)).toBe(0)
})

it('moves by keys and stops at the ends', () => {
  expect(moved('ArrowLeft', null, 5)).toBe(4)
  expect(moved('ArrowLeft', 4, 5)).toBe(3)
  expect(moved('ArrowRight', 4, 5)).toBe(4)
  expect(moved('Home', 3, 5)).toBe(0)
  expect(moved('PageDown', 3, 5)).toBe(0)
  expect(moved('a', 3, 5)).toBe(null)
  expect(moved('constructor', 3, 5)).toBe(null)
})

it.each([1, 7, 14])('names round local times of %d days', (length) => {
  const from = new Date(2026, 10, 3, 7).getTime() / 1000
  const found = ticks(from, 3600, length * 24, 8)
  expect(found.length).toBeGreaterThan(1)
  expect(found.length).toBeLessThanOrEqual(8)
  for (const tick of found) {
    const at = new Date((from + tick.n * 3600) * 1000)
    expect(tick.words).toMatch(length === 1 ? /^\d\d:00$/ : /^11-\d\d$/)
    if (length > 1) expect(at.getHours()).toBe(0)
    else expect(tick.words).toBe(`${String(at.getHours()).padStart(2, '0')}:00`)
  }
})

it('names at most 24 times, however wide the drawing is', () => {
  expect(ticks(0, 300, 4032, 1000).length).toBeLessThanOrEqual(24)
})
