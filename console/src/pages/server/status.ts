// What the server tells of itself, and how it is written.

export interface SigningKey {
  KeyId: string
  Algorithm: string
  State: string
  AgeSeconds: number
  Account?: string
  SignsFrom: number | null
  SignsUntil?: number
  PublishedUntil?: number
  RetiredAt?: number
}

export interface NodeStatus {
  Node: string
  Version: string
  Started: number
  UptimeSeconds: number
  Store: { Engine: string; Reachable: boolean; Writable: boolean; SchemaVersion: number; SizeBytes: number }
  Engines: { Name: string; Healthy: boolean; LastError?: string; LastErrorAt?: number }[] | null
  LogLinesDropped: number
  Load: { Class: string; WaitMilliseconds: number; InFlight: number; Refused: number }[] | null
}

export interface Status {
  Version: string
  Nodes: NodeStatus[]
  Silent: string[] | null
  Alone: boolean
  Warning?: string
  SigningKeys: SigningKey[] | null
}

export interface Setting {
  Name: string
  Value: string
  Source: string
  Default: string
  NeedsRestart: boolean
}

/** bytes writes a size: "272 KiB". */
export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024
    unit++
  }

  return `${unit > 0 && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`
}

/** troubles lists what is wrong, each as a sentence. */
export function troubles(status: Status): string[] {
  const list: string[] = []
  for (const node of status.Nodes) {
    if (!node.Store.Reachable) list.push(`Node ${node.Node}: its database does not answer.`)
    else if (!node.Store.Writable) list.push(`Node ${node.Node}: its database takes no writes.`)
    for (const engine of node.Engines ?? []) {
      if (!engine.Healthy) list.push(`Node ${node.Node}: the engine ${engine.Name} does not answer.`)
    }
    if (node.LogLinesDropped > 0) list.push(`Node ${node.Node}: ${node.LogLinesDropped} lines of the log were dropped.`)
  }
  for (const node of status.Silent ?? []) list.push(`Node ${node} did not answer within two seconds.`)

  return list
}

export type Only = 'all' | 'set' | 'default'

/** chosen filters settings by a text and by whether somebody set them. */
export function chosen(settings: Setting[], text: string, only: Only): Setting[] {
  const words = text.trim().toLowerCase()

  return settings.filter(
    (one) =>
      (only === 'all' || (one.Source === 'default') === (only === 'default')) &&
      `${one.Name}\n${one.Value}\n${one.Source}`.toLowerCase().includes(words),
  )
}
