// The list of pools: what is asked, and what the foot of the table tells.

import { count } from '../../parts/text'

export interface Summary {
  Id: string
  Name: string
  Guests: boolean
  Providers: number
  Identities: number
  SignIns24h: number
  Refused24h: number
}

export interface Summaries {
  Pools: Summary[] | null
  Total: number
  NextToken: string | null
}

export const sorts = [
  { id: 'Name', words: 'By name' },
  { id: 'Identities', words: 'Most identities first' },
  { id: 'SignIns24h', words: 'Most sign-ins first' },
  { id: 'Refused24h', words: 'Most refused first' },
  { id: 'Created', words: 'By creation' },
] as const

/** questionOf reads search and order of an address. An order that there is not is the first one. */
export function questionOf(query: URLSearchParams): { Search?: string; Sort: string } {
  const search = (query.get('search') ?? '').slice(0, 128)
  const sort = query.get('sort') ?? ''

  return { ...(search ? { Search: search } : {}), Sort: sorts.find((one) => one.id === sort)?.id ?? 'Name' }
}

/** range tells which pools a page shows: "1 to 100 of 1,240". */
export function range(page: number, shown: number, total: number): string {
  const before = page * 100

  return `${count(before + 1)} to ${count(before + shown)} of ${count(Math.max(total, before + shown))}`
}
