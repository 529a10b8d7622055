// The contrast of the colours of style.css, by the formula of WCAG, in both themes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const css = readFileSync(join(import.meta.dirname, 'style.css'), 'utf8')
const pairs = [...css.matchAll(/--([\w-]+): light-dark\((#[\da-f]{6}), (#[\da-f]{6})\);/g)]
const themes = {
  light: new Map(pairs.map(([, name = '', light = '']) => [name, light])),
  dark: new Map(pairs.map(([, name = '', , dark = '']) => [name, dark])),
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })

  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

it('computes the contrast of known colours', () => {
  expect(contrast('#000000', '#ffffff')).toBe(21)
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
})

const grounds = ['canvas', 'surface', 'sunken']
const texts: Record<string, string[]> = {
  ink: [...grounds, 'accent-bg', 'ok-bg', 'bad-bg', 'warn-bg'],
  muted: [...grounds, 'accent-bg', 'ok-bg', 'bad-bg', 'warn-bg'],
  accent: [...grounds, 'accent-bg'],
  ok: [...grounds, 'ok-bg'],
  bad: [...grounds, 'bad-bg'],
  warn: [...grounds, 'warn-bg'],
  'on-accent': ['accent'],
  surface: ['bad'],
}

describe.each(Object.entries(themes))('%s', (_, colours) => {
  const of = (name: string): string => {
    const colour = colours.get(name)
    if (!colour) throw new Error(`style.css has no colour ${name}`)
    return colour
  }
  const cases = Object.entries(texts).flatMap(([text, over]) => over.map((ground) => [text, ground] as const))

  it.each(cases)('%s can be read over %s', (text, ground) => {
    expect(contrast(of(text), of(ground))).toBeGreaterThanOrEqual(4.5)
  })

  it.each(grounds)('borders of controls are seen over %s', (ground) => {
    expect(contrast(of('control'), of(ground))).toBeGreaterThanOrEqual(3)
  })

  it('every colour has a place in these tests', () => {
    const known = new Set([...Object.keys(texts), ...Object.values(texts).flat(), 'control', 'line'])
    expect([...colours.keys()].filter((name) => !known.has(name))).toEqual([])
  })
})
