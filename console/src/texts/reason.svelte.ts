// The words for a refusal. Their table is large, and most pages need none of it: it is loaded when the first word is
// asked for, and what shows a word is drawn again when it arrives. Until then a reason has the words of its code.

import { sentence, words } from '../parts/trace/rungs'
import type { Step } from '../parts/trace/types'
import type { Row } from './reasons'

export interface Reason {
  title: string
  /** {expected} and {got} stand for the values of the check that decided */
  why: string
  /** the words of the button to the thing to change; {add} stands for the value to add */
  action: string
  /** what to change: the server's advice as a sentence */
  advice: string
}

type Table = Pick<typeof import('./reasons'), 'texts' | 'families'>

let table = $state.raw<Table | null>(null) // null until it is there
let asked: Promise<void> | null = null

/** load brings the table; a table that did not arrive is asked for again by the next word. */
export function load(): Promise<void> {
  asked ??= import('./reasons').then(
    (module) => {
      table = module
    },
    () => {
      asked = null
    },
  )

  return asked
}

/** family returns the title of a reason without a text of its own; one that names the check if no family has one. */
function family(code: string): string {
  const parts = code.split('-')
  for (let n = parts.length; n > 0; n--) {
    const start = parts.slice(0, n).join('-')
    const title = entry(table?.families, start)
    if (title) return title
  }

  const check = words(code)
  if (check && !table) return check

  return check ? `This check did not pass: ${check}` : 'The call was refused'
}

/** title returns the headline of a reason. */
export function title(code: string): string {
  return own(code)?.[0] ?? family(code)
}

/** reason returns what a refusal means, with the values of the check that decided. */
export function reason(code: string, step?: Step): Reason {
  const row = own(code)

  return {
    title: title(code),
    why: row ? fill(row[1], step) : compared(step),
    action: fill(row?.[2] ?? '', step),
    advice: sentence(step?.Fix ?? '') || 'Compare what the app was told with what it sent; the checks are below.',
  }
}

// compared tells what a check without a text of its own has compared.
function compared(step?: Step): string {
  if (step?.Expected && step.Got) return fill('The server expected {expected}. It got {got}.', step)
  if (step?.Got) return fill('The server got {got}.', step)
  if (step?.Expected) return fill('The server expected {expected}.', step)

  return step?.Check
    ? `The call did not pass the check “${step.Check}”.`
    : 'The call did not pass a check of the server.'
}

function own(code: string): Row | undefined {
  void load()

  return entry(table?.texts, code)
}

// A code comes from the server; only entries of the table count, not the members that every object has.
function entry<T>(of: Record<string, T> | undefined, code: string): T | undefined {
  return of && Object.hasOwn(of, code) ? of[code] : undefined
}

// fill puts the values into a text in one pass; an action whose value is missing is none.
function fill(text: string, step?: Step): string {
  const values: Record<string, string | undefined> = {
    expected: bare(step?.Expected),
    got: bare(step?.Got),
    add: step?.Link?.Add,
  }
  if (text.includes('{add}') && !values.add) return ''

  return text.replace(/\{(expected|got|add)\}/g, (_, name: string) => values[name] ?? 'something else')
}

// bare takes the full stop from a value that is a sentence: the text around it has its own.
const bare = (value?: string): string | undefined => value?.replace(/(?<!\.)\.$/, '')
