// What a search for identities asks of the server, from the fields of its form.

export interface Login {
  ProviderName: string
  Subject: string
  Kind: string // public or developer
}

export interface Identity {
  IdentityId: string
  IdentityPoolId: string
  Disabled: boolean
  MergedTo?: string
  Logins: Login[] | null
  CreationDate: number
  LastModifiedDate: number
}

export interface Found {
  Identities: Identity[] | null
  NextToken?: string | null
}

/** Fields are what somebody typed. */
export interface Fields {
  pool: string
  provider: string
  text: string // a subject or the beginning of an ID
  since: string // a day, as 2026-11-26
}

export interface Question {
  IdentityPoolId?: string
  ProviderName?: string
  Subject?: string
  IdentityIdPrefix?: string
  CreatedAfter?: number
}

export interface Fault {
  field: 'pool' | 'provider' | 'text' | 'since'
  words: string
}

/** pageSize is the most that one answer has, as with AWS. */
export const pageSize = 60

const idPattern = /^[a-z0-9-]{1,32}:[0-9a-f]{4}[0-9a-f-]{0,32}$/

/** isID reports whether a text is the ID of an identity or its beginning. */
export const isID = (text: string): boolean => idPattern.test(text)

/**
 * question returns what to ask, or the field that is wrong. With a provider the text is a subject, as it was typed:
 * blanks belong to it. Without one it is an ID. Without both the question is about all identities of the pool.
 */
export function question(fields: Fields): Question | Fault {
  const pool = fields.pool.trim()
  const provider = fields.provider.trim()
  const text = provider ? fields.text : fields.text.trim().toLowerCase()

  if (provider) {
    if (!pool) return { field: 'pool', words: 'Choose the pool in which the provider is.' }
    if (!text) return { field: 'text', words: 'Type the whole subject, as the provider has it in the token.' }
    if (fields.since)
      return { field: 'since', words: 'A login has one identity, however old: clear the day, or the provider.' }
    return { IdentityPoolId: pool, ProviderName: provider, Subject: text }
  }

  if (text && !isID(text))
    return {
      field: 'text',
      words: 'This is no ID: it needs a region, a colon and four digits. For a subject choose its provider.',
    }
  if (!text && !pool) return { field: 'pool', words: 'Choose a pool, or type an ID.' }

  const asked: Question = { ...(pool && { IdentityPoolId: pool }), ...(text && { IdentityIdPrefix: text }) }
  if (!fields.since) return asked

  const since = new Date(`${fields.since}T00:00:00`).getTime()
  if (Number.isNaN(since)) return { field: 'since', words: 'Type a day, as 2026-11-26.' }

  return { ...asked, CreatedAfter: since / 1000 }
}

export const isFault = (asked: Question | Fault): asked is Fault => 'field' in asked

/** Pages remembers the tokens of the pages seen so far, because the server's tokens lead forward only. */
export interface Pages {
  at: number
  tokens: readonly (string | undefined)[]
}

export const firstPage: Pages = { at: 0, tokens: [undefined] }

/** known notes the token that the page at hand named. */
export function known(pages: Pages, next: string | null | undefined): Pages {
  const tokens = pages.tokens.slice(0, pages.at + 1)

  return { at: pages.at, tokens: next ? [...tokens, next] : tokens }
}

/** turn goes to the next page or the one before; nowhere if there is none. */
export function turn(pages: Pages, by: 1 | -1): Pages {
  const at = pages.at + by

  return at < 0 || at >= pages.tokens.length ? pages : { ...pages, at }
}

/**
 * standing tells what an identity is: active, disabled, or merged into another one. A disabled identity has no login that
 * may be used.
 */
export function standing(of: Pick<Identity, 'Disabled' | 'MergedTo'>): 'active' | 'disabled' | 'merged' {
  if (of.MergedTo) return 'merged'

  return of.Disabled ? 'disabled' : 'active'
}

/** range tells which rows a page has. */
export function range(page: number, rows: number, total?: number): string {
  const begin = page * pageSize + 1
  const counts = new Intl.NumberFormat('en-GB')
  const end = page * pageSize + rows
  const of = total !== undefined && total >= end ? ` of ${counts.format(total)}` : ''

  return `${counts.format(begin)} to ${counts.format(end)}${of}`
}

export interface Unprocessed {
  IdentityId?: string
  ErrorCode?: string
}

/** left tells which identities were not deleted, and why; '' if all are gone. */
export function left(failed: Unprocessed[]): string {
  if (failed.length === 0) return ''
  const names = failed.map((one) => one.IdentityId ?? 'an identity without an ID').join(', ')
  const denied = failed.every((one) => one.ErrorCode === 'AccessDenied')

  return denied
    ? `This key may not delete ${names}: it lacks cognito-identity:DeleteIdentities.`
    : `The server could not delete ${names} now. Try again.`
}
