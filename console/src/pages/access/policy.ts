// Texts of policies: where a fault is, and what a trust policy has. Nothing is decided here.

export interface Spot {
  line: number
  column: number
  at: number // index of the text
}

function spot(text: string, at: number): Spot {
  const before = text.slice(0, at).split('\n')

  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, at }
}

/** Refused is what the trace of a refused policy tells besides the message, which has AWS's words. */
export interface Refused {
  place: string // 'Statement[1].Resource: none'
  fix: string
}

/** refusedBy reads the check of a trace that refused the document; null if there is none. */
export function refusedBy(steps: { Check: string; OK: boolean; Got?: string; Fix?: string }[] | null): Refused | null {
  const step = steps?.find((one) => !one.OK && one.Check === 'policy document')

  return step ? { place: step.Got ?? '', fix: step.Fix ?? '' } : null
}

/**
 * faultAt returns the place that the server's message is about: by a byte, or by a statement and the element that the
 * message quotes. It returns null if the message names no place.
 */
export function faultAt(text: string, message: string): Spot | null {
  const byte = /at byte (\d+)/.exec(message)
  if (byte) {
    const bytes = new TextEncoder().encode(text).subarray(0, Number(byte[1]))
    return spot(text, new TextDecoder().decode(bytes).length)
  }

  const statement = /\bStatement(?:\[(\d+)\])?(?:\.(\w+): ?(.*))?/s.exec(message)
  if (!statement) return null
  const range = statements(text)[Number(statement[1] ?? 0)]
  if (!range) return null

  // The trace of a refusal names the element and its value, "Statement[0].Action: s3"; a message quotes the value.
  const [, , element, value] = statement
  const inside = text.slice(range.from, range.to)
  const from = element ? Math.max(inside.indexOf(JSON.stringify(element)), 0) : 0
  for (const one of [value, ...[...message.matchAll(/"([^"]+)"/g)].map((quoted) => quoted[1])]) {
    const found = one ? inside.indexOf(JSON.stringify(one), from) : -1
    if (found >= 0) return spot(text, range.from + found)
  }

  return spot(text, range.from + from)
}

interface Range {
  from: number
  to: number
}

/** statements returns where the statements of a policy are. The text need not be whole. */
export function statements(text: string): Range[] {
  const found: Range[] = []
  const tokens = /"(?:[^"\\]|\\.)*"?|[[\]{}]/gy
  let depth = 0
  let base = -1 // the depth of the statements
  let from = 0

  for (let at = 0; at < text.length;) {
    tokens.lastIndex = at
    const token = tokens.exec(text)?.[0]
    if (token === undefined) {
      at++
      continue
    }

    if (token === '"Statement"' && depth === 1 && base < 0) {
      const opening = /\s*:\s*([[{])/y
      opening.lastIndex = at + token.length
      const bracket = opening.exec(text)?.[1]
      if (bracket) base = bracket === '[' ? 2 : 1
    } else if (token === '{' || token === '[') {
      if (token === '{' && depth === base) from = at
      depth++
    } else if (token === '}' || token === ']') {
      depth--
      if (token === '}' && depth === base) found.push({ from, to: at + 1 })
      if (base >= 0 && depth < base) break
      if (base === 1 && found.length > 0) break
    }
    at += token.length
  }

  // A statement that does not end is the one that is being typed.
  if (base >= 0 && depth > base && from > (found.at(-1)?.from ?? -1)) found.push({ from, to: text.length })

  return found
}

/** excerpt returns the text between two places, which count lines and columns from 1; the end is after the last one. */
export function excerpt(text: string, start: Omit<Spot, 'at'>, end: Omit<Spot, 'at'>): string {
  const all = text.split('\n').slice(start.line - 1, end.line)
  if (all.length === 0) return ''

  const last = all.length - 1
  all[last] = (all[last] ?? '').slice(0, end.column - 1)
  all[0] = (all[0] ?? '').slice(start.column - 1)

  return all.join('\n')
}

/** spread writes a policy of one line over several. Others stay as they are. */
export function spread(text: string): string {
  if (text.trim().includes('\n')) return text
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

export interface Trusted {
  effect: string
  who: { kind: string; name: string }[]
  except: boolean // NotPrincipal
  actions: string[]
  conditions: { key: string; operator: string; values: string[] }[]
}

/** trusted lists the statements of a trust policy; null if the text is no policy. */
export function trusted(text: string): Trusted[] | null {
  let policy: unknown
  try {
    policy = JSON.parse(text)
  } catch {
    return null
  }
  if (!isRecord(policy) || !policy.Statement) return null

  return many(policy.Statement)
    .filter(isRecord)
    .map((statement) => ({
      effect: texts(statement.Effect)[0] ?? '',
      who: principals(statement.Principal ?? statement.NotPrincipal),
      except: statement.NotPrincipal !== undefined,
      actions: texts(statement.Action ?? statement.NotAction),
      conditions: entries(statement.Condition).flatMap(([operator, keys]) =>
        entries(keys).map(([key, values]) => ({ key, operator, values: texts(values) })),
      ),
    }))
}

function principals(value: unknown): Trusted['who'] {
  if (typeof value === 'string') return [{ kind: '', name: value }]

  return entries(value).flatMap(([kind, names]) => texts(names).map((name) => ({ kind, name })))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const entries = (value: unknown) => (isRecord(value) ? Object.entries(value) : [])
const many = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value])
const texts = (value: unknown): string[] =>
  many(value).map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))

export type Template = 'users' | 'guests' | 'account'

/** trustFor writes the trust policy of a new role. */
export function trustFor(template: Template, pool: string, account: string): string {
  const statement =
    template === 'account'
      ? { Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' }
      : {
          Effect: 'Allow',
          Principal: { Federated: 'cognito-identity.amazonaws.com' },
          Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
          Condition: {
            StringEquals: { 'cognito-identity.amazonaws.com:aud': pool },
            'ForAnyValue:StringLike': {
              'cognito-identity.amazonaws.com:amr': template === 'users' ? 'authenticated' : 'unauthenticated',
            },
          },
        }

  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] }, null, 2)
}

/** permissionPolicy is where a new permission policy begins. */
export const permissionPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::BUCKET/*"
    }
  ]
}`
