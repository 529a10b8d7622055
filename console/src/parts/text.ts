// Texts that come from others: names, claims, issuers. Control and bidirectional characters are shown as escapes, so
// that no text can pass for another one.

const hidden =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu

/** visible returns a text in which every hidden character is written as \u{…}. */
export function visible(text: string): string {
  return text.replace(hidden, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`)
}

/** safeLink returns an address that may become a link; null unless it is https: and written plainly. */
export function safeLink(text: string): string | null {
  try {
    const address = new URL(text)
    return address.protocol === 'https:' && !address.username && !address.password ? address.href : null
  } catch {
    return null
  }
}

const counts = new Intl.NumberFormat('en-GB')

/** count returns a number with separators. */
export const count = (n: number): string => counts.format(n)

/** plural returns a number with its word: 1 pool, 2 pools. */
export const plural = (n: number, one: string, many = one + 's'): string => `${count(n)} ${n === 1 ? one : many}`

/** date reads a time of the API: seconds since 1970, or text. */
export function date(value: number | string): Date {
  return typeof value === 'number' ? new Date(value * 1000) : new Date(value)
}

/** ago returns how long ago a time is: "6 s", "2 min", "5 h", and from a day on the date. */
export function ago(at: Date, now: number): string {
  const seconds = Math.max(0, Math.round((now - at.getTime()) / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`

  return day(at)
}

/** span writes how long something lasts: "3 d 4 h". */
export function span(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor((seconds % 86_400) / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [Math.floor(seconds % 60), 's'],
  ]
  const from = parts.findIndex(([n]) => n > 0)
  if (from < 0) return '0 s'

  return parts
    .slice(from, from + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(' ')
}

/** day returns a local date, as 2026-11-26. */
export function day(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}

/** clock returns a local time of day, as 18:52:34. */
export const clock = (at: Date): string => at.toTimeString().slice(0, 8)
