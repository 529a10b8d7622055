// The numbers of the last days, as GetStatistics has them.

export interface Statistics {
  From: number
  To: number
  Step: number
  KeptSince: number
  Series: {
    SignIns: number[] | null
    Guests: number[] | null
    Identities: number[] | null
    Refused: Record<string, number[]> | null
    Latency?: Record<string, Latency> | null
  }
}

export interface Latency {
  Calls: number[]
  P50: (number | null)[]
  P99: (number | null)[]
}

export interface Status {
  Version: string
  Nodes: Node[]
  Silent?: string[] | null
  Alone?: boolean
  Warning?: string
  SigningKeys?: SigningKey[] | null
}

export interface Node {
  Node: string
  Version: string
  Started: number
  Store: { Engine: string; Reachable: boolean; Writable: boolean; SizeBytes: number }
  Engines: { Name: string; Healthy: boolean; LastError?: string; LastErrorAt?: number }[]
  LogLinesDropped: number
}

export interface SigningKey {
  KeyId: string
  Algorithm: string
  State: string
  AgeSeconds: number
}

export interface PoolSummary {
  Id: string
  Name: string
  Guests: boolean
  Identities?: number
  SignIns24h: number
  Refused24h: number
}

export interface Period {
  id: string
  words: string
  days: number
}

export const periods: [Period, ...Period[]] = [
  { id: '24h', words: '24 hours', days: 1 },
  { id: '7d', words: '7 days', days: 7 },
  { id: '14d', words: '14 days', days: 14 },
]

/** periodOf returns the period that a link names; the shortest if it names none. */
export const periodOf = (name: string | null): Period => periods.find((one) => one.id === name) ?? periods[0]

/** asked returns the input of GetStatistics: whole hours up to now. */
export function asked(period: Period, now: number): { From: number; To: number; Step: number } {
  const to = Math.floor(now / 1000)

  return { From: to - period.days * 86_400, To: to, Step: 3600 }
}

export const sum = (numbers: readonly number[] | null | undefined): number =>
  (numbers ?? []).reduce((all, one) => all + one, 0)

/** refused returns the refusals of each step, all reasons together. */
export function refused(of: Statistics): number[] {
  const total = new Array<number>(steps(of)).fill(0)
  for (const numbers of Object.values(of.Series.Refused ?? {}))
    for (const [n, number] of numbers.entries()) total[n] = (total[n] ?? 0) + number

  return total
}

export const steps = (of: Statistics): number => Math.round((of.To - of.From) / of.Step)

/** reasons returns the reasons with their numbers, the most frequent first. */
export function reasons(of: Statistics): { code: string; number: number }[] {
  return Object.entries(of.Series.Refused ?? {})
    .map(([code, numbers]) => ({ code, number: sum(numbers) }))
    .filter((one) => one.number > 0)
    .sort((a, b) => b.number - a.number || a.code.localeCompare(b.code))
}

/** operations returns the operations that have times to answer, those with the most calls first. */
export function operations(of: Statistics): { name: string; calls: number; times: Latency }[] {
  return Object.entries(of.Series.Latency ?? {})
    .map(([name, times]) => ({ name, calls: sum(times.Calls), times }))
    .filter((one) => one.calls > 0)
    .sort((a, b) => b.calls - a.calls || a.name.localeCompare(b.name))
}

/** latest returns the last value that there is. */
export const latest = (values: readonly (number | null)[]): number | null =>
  values.findLast((value) => value !== null) ?? null

/** short writes a number of a figure: all digits below a million, "1.02 M" above. */
export function short(n: number): string {
  if (n < 1_000_000) return new Intl.NumberFormat('en-GB').format(n)
  const [unit, word] = n < 1_000_000_000 ? [1_000_000, 'M'] : [1_000_000_000, 'G']

  return `${(n / unit).toPrecision(3)} ${word}`
}

/** age writes how old a key is. */
export function age(seconds: number): string {
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`
  const days = Math.floor(seconds / 86_400)

  return `${days} ${days === 1 ? 'day' : 'days'}`
}

/** bytes writes a size. */
export function bytes(n: number): string {
  for (const [unit, word] of [
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB'],
  ] as const)
    if (n >= unit) return `${(n / unit).toPrecision(3)} ${word}`

  return `${n} bytes`
}

/** faults returns what the server tells that is not well, each in a sentence. */
export function faults(of: Status): string[] {
  const found: string[] = []
  if (of.Warning) found.push(of.Warning)
  for (const name of of.Silent ?? []) found.push(`The node ${name} did not answer.`)

  for (const node of of.Nodes) {
    if (!node.Store.Reachable) found.push(`The database does not answer ${node.Node}.`)
    else if (!node.Store.Writable) found.push(`The database takes no writes from ${node.Node}.`)
    for (const engine of node.Engines)
      if (!engine.Healthy) found.push(`The engine ${engine.Name} does not answer ${node.Node}.`)
    if (node.LogLinesDropped > 0) found.push(`${node.Node} dropped lines of its log, because nobody read them in time.`)
  }

  return found
}
