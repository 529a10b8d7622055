import { expect, it } from 'vitest'
import { ago, count, date, plural, safeLink, span, visible } from './text'

it.each([
  ['plain Ünicode 名', 'plain Ünicode 名'],
  ['a\u202eb', 'a\\u{202e}b'],
  ['\u0000\n\u200b\ufeff', '\\u{0}\\u{a}\\u{200b}\\u{feff}'],
  ['\u{e0041}', '\\u{e0041}'],
])('shows %j', (text, shown) => expect(visible(text)).toBe(shown))

it.each([
  ['https://issuer.example/a', 'https://issuer.example/a'],
  ['http://issuer.example', null],
  ['javascript:alert(1)', null],
  ['JavaScript://%0aalert(1)', null],
  ['data:text/html,x', null],
  ['https://bank.example@elsewhere.example/', null],
  ['issuer.example', null],
])('links %j', (text, link) => expect(safeLink(text)).toBe(link))

it('writes numbers and times', () => {
  expect(count(12408)).toBe('12,408')
  expect(plural(1, 'pool')).toBe('1 pool')
  expect(plural(2, 'identity', 'identities')).toBe('2 identities')
  const now = Date.UTC(2026, 10, 26, 12)
  expect(ago(date(now / 1000 - 6), now)).toBe('6 s')
  expect(ago(date(now / 1000 - 130), now)).toBe('2 min')
  expect(ago(date(now / 1000 - 7300), now)).toBe('2 h')
  expect(ago(date('2026-11-20T12:00:00Z'), now)).toBe('2026-11-20')
})

it.each([
  [0.4, '0 s'],
  [59, '59 s'],
  [3600, '1 h'],
  [3661, '1 h 1 min'],
  [100_000, '1 d 3 h'],
])('writes %j seconds', (n, text) => expect(span(n)).toBe(text))
