// Where a chart draws what: scales, ticks and paths, in pixels of its drawing.

export interface Line {
  id: string
  words: string
  /** a number for each step; null where there is none to tell */
  values: readonly (number | null)[]
  tone: 'accent' | 'muted' | 'bad'
  dash?: boolean
}

export interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

/** highest returns a round end of the axis, at or above every value; at least 1. */
export function highest(lines: readonly Line[]): number {
  let most = 0
  for (const line of lines) for (const value of line.values) if (value !== null && value > most) most = value
  if (most <= 1) return 1

  const unit = 10 ** Math.floor(Math.log10(most))
  return ([1, 2, 4, 5, 10].find((n) => n * unit >= most) ?? 10) * unit
}

/** across returns where a step stands; a single one stands in the middle. */
export function across(n: number, steps: number, box: Box): number {
  return steps < 2 ? (box.left + box.right) / 2 : box.left + ((box.right - box.left) * n) / (steps - 1)
}

export const up = (value: number, top: number, box: Box): number => box.bottom - ((box.bottom - box.top) * value) / top

const round = (n: number) => Math.round(n * 10) / 10
const missing = (value: number | null | undefined) => value === null || value === undefined

/** path returns the drawing of a line. It is broken where a value is missing. */
export function path(values: readonly (number | null)[], top: number, box: Box): string {
  const parts: string[] = []
  for (const [n, value] of values.entries()) {
    if (value === null) continue
    const pen = missing(values[n - 1]) ? 'M' : 'L'
    parts.push(`${pen}${round(across(n, values.length, box))} ${round(up(value, top, box))}`)
  }

  return parts.join('')
}

/** alone returns the values between missing ones, which no line shows. */
export function alone(values: readonly (number | null)[]): { n: number; value: number }[] {
  return [...values.entries()].flatMap(([n, value]) =>
    value !== null && missing(values[n - 1]) && missing(values[n + 1]) ? [{ n, value }] : [],
  )
}

/** nearest returns the step at a place of the drawing. */
export function nearest(x: number, steps: number, box: Box): number {
  if (steps < 2) return 0
  const n = Math.round(((x - box.left) / (box.right - box.left)) * (steps - 1))

  return Math.min(steps - 1, Math.max(0, n))
}

export interface Tick {
  n: number
  words: string
}

const two = (n: number) => String(n).padStart(2, '0')
const days = (at: Date) => Math.round(Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / 86_400_000)

/**
 * ticks returns the steps that the time axis names: round local hours, or days from two days on. from and step are in
 * seconds; there are `most` at most, and never more than 24.
 */
export function ticks(from: number, step: number, steps: number, most: number): Tick[] {
  const limit = Math.min(24, Math.max(1, Math.floor(most)))

  for (const hours of [1, 2, 3, 6, 12, 24, 48, 96, 168]) {
    const found: Tick[] = []
    for (let n = 0; n < steps; n++) {
      const at = new Date((from + n * step) * 1000)
      const previous = new Date((from + (n - 1) * step) * 1000)
      if (slot(at, hours) === slot(previous, hours) || (n === 0 && !begins(at, hours))) continue
      found.push({
        n,
        words: hours < 24 ? `${two(at.getHours())}:00` : `${two(at.getMonth() + 1)}-${two(at.getDate())}`,
      })
    }
    if (found.length <= limit) return found
  }

  return []
}

// slot numbers the pieces of so many local hours.
function slot(at: Date, hours: number): number {
  return hours < 24 ? days(at) * 24 + Math.floor(at.getHours() / hours) * hours : Math.floor(days(at) / (hours / 24))
}

const begins = (at: Date, hours: number): boolean =>
  at.getMinutes() === 0 && (hours < 24 ? at.getHours() % hours === 0 : at.getHours() === 0)

/** moment names a step: its day and time of day, both local. */
export function moment(seconds: number): string {
  const at = new Date(seconds * 1000)
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`
}

/** moved returns the step to which a key leads; null for other keys. */
export function moved(key: string, n: number | null, steps: number): number | null {
  const last = steps - 1
  const now = n ?? last
  const to: Record<string, number> = {
    ArrowLeft: n === null ? last : now - 1,
    ArrowDown: n === null ? last : now - 1,
    ArrowRight: n === null ? last : now + 1,
    ArrowUp: n === null ? last : now + 1,
    PageDown: now - 10,
    PageUp: now + 10,
    Home: 0,
    End: last,
  }
  if (!Object.hasOwn(to, key)) return null

  return Math.min(last, Math.max(0, to[key] ?? last))
}
