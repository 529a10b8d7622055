// One row for each page. A page is a folder of src/pages with a Page.svelte, loaded when it is shown first.

import type { Component } from 'svelte'

export interface PageProps {
  /** the parts of the path that the row's pattern leaves open, in their order */
  params: string[]
  query: URLSearchParams
}

interface Row {
  pattern: string // a part that begins with : is open
  page: string // folder of src/pages
  area: string // the entry of the navigation
}

export const rows: Row[] = [
  { pattern: 'key', page: 'key', area: 'key' },
  { pattern: 'overview', page: 'overview', area: 'overview' },
  { pattern: 'pools', page: 'pools', area: 'pools' },
  { pattern: 'pools/new', page: 'newpool', area: 'pools' },
  { pattern: 'pools/new/:step', page: 'newpool', area: 'pools' },
  { pattern: 'pools/:id', page: 'pool', area: 'pools' },
  { pattern: 'pools/:id/:tab', page: 'pool', area: 'pools' },
  { pattern: 'identities', page: 'identities', area: 'identities' },
  { pattern: 'identities/:id', page: 'identity', area: 'identities' },
  { pattern: 'explain', page: 'explain', area: 'explain' },
  { pattern: 'explain/token', page: 'explaintoken', area: 'explain' },
  { pattern: 'explain/:request', page: 'explain', area: 'explain' },
  { pattern: 'play', page: 'playground', area: 'play' },
  { pattern: 'access', page: 'access', area: 'access' },
  { pattern: 'access/:tab', page: 'access', area: 'access' },
  { pattern: 'access/:tab/:name', page: 'access', area: 'access' },
  { pattern: 'server', page: 'server', area: 'server' },
  { pattern: 'server/:tab', page: 'server', area: 'server' },
]

/** areas are the entries of the navigation: the path, the words, and the letter after g. */
export const areas = [
  { path: 'overview', words: 'Overview', letter: 'o' },
  { path: 'pools', words: 'Pools', letter: 'p' },
  { path: 'identities', words: 'Identities', letter: 'i' },
  { path: 'explain', words: 'Explain', letter: 'e' },
  { path: 'play', words: 'Playground', letter: 'l' },
  { path: 'access', words: 'Access', letter: 'a' },
  { path: 'server', words: 'Server', letter: 's' },
] as const

export type Load = () => Promise<{ default: Component<PageProps> }>

export const pages = import.meta.glob<{ default: Component<PageProps> }>('../pages/*/Page.svelte')

export interface Found {
  row: Row
  params: string[]
  load: Load
}

/** find returns the page of a path; undefined if there is none. */
export function find(path: string[]): Found | undefined {
  for (const row of rows) {
    const parts = row.pattern.split('/')
    if (parts.length !== path.length || !parts.every((part, n) => part.startsWith(':') || part === path[n])) continue

    const load = pages[`../pages/${row.page}/Page.svelte`]
    return load && { row, load, params: path.filter((_, n) => parts[n]?.startsWith(':')) }
  }

  return undefined
}

/** has reports whether the console has a page. */
export const has = (...path: string[]): boolean => find(path) !== undefined

/** first is where somebody begins who named no page. */
export const first = (): string => areas.find((area) => has(area.path))?.path ?? 'key'
