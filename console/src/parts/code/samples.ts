// The samples are files of src/samples, which the client tests run as they stand. Here the placeholders get their
// values; tokens have none, because they stay variables.

import { languages, type Language } from './languages'

const files = import.meta.glob<string>('../../samples/*', { query: '?raw', import: 'default', eager: true })

export type Flow = 'guest' | 'guestclassic' | 'user' | 'classic' | 'developer' | 'developerclassic'

export interface Values {
  pool: string
  endpoint: string
  login?: string // the key in Logins
  role?: string // an ARN, of the classic flow
}

export interface Sample {
  language: Language
  text: string
}

/** samples returns a flow in all languages, filled in. */
export function samples(flow: Flow, values: Values): Sample[] {
  return languages.map(({ id }) => ({
    language: id,
    text: fill(files[`../../samples/${flow}.${id}`] ?? '', id, values),
  }))
}

// In Go the files of a folder are one package; the samples are many programs, so their first line keeps them out.
const ignored = '//go:build ignore\n\n'

/** fill puts values into a sample. A value without a text leaves its placeholder, so that nobody overlooks it. */
export function fill(text: string, language: Language, values: Values): string {
  const filled: Record<string, string | undefined> = {
    POOL_ID: values.pool,
    REGION: values.pool.split(':')[0],
    ENDPOINT: values.endpoint.replace(/\/$/, ''),
    LOGIN_KEY: values.login,
    ROLE_ARN: values.role,
  }

  return text
    .replace(ignored, '')
    .replace(/__([A-Z_]+?)__/g, (whole, name: string) => (filled[name] ? quoted(filled[name], language) : whole))
}

// Names of providers are chosen by others: inside the quotes of a sample they stay text.
function quoted(value: string, language: Language): string {
  if (language === 'sh') return value.replaceAll("'", `'\\''`)

  const inside = JSON.stringify(value)
    .slice(1, -1)
    .replace(/[\u007f-\u009f\u2028\u2029]/g, (one) => '\\u' + one.charCodeAt(0).toString(16).padStart(4, '0'))

  return language === 'mjs' ? inside.replaceAll("'", "\\'") : inside
}

/** calls reports whether a line of a sample calls an operation, in the spelling of any language. */
export function calls(line: string, operation: string): boolean {
  if (/^\s*(import\b|\/\/|#|[A-Z]\w+,$)/.test(line)) return false
  const name = operation.toLowerCase()
  const plain = line.toLowerCase().replaceAll(/[-_]/g, '')

  return new RegExp(`\\b${name}(command)?\\b`).test(plain)
}
