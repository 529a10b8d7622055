// The names of pools, for the list of refusals. A pool that is made while the page is open, or that is not among the first
// hundred, is looked up by its ID.

/** LOOKUPS bounds how many pools are looked up, so that a flood of refusals makes no flood of calls. */
export const LOOKUPS = 50

export type Look = (input: {
  Search?: string
  MaxResults: number
}) => Promise<{ Pools: { Id: string; Name: string }[] }>

export class Names {
  #known = new Map<string, string>()
  #asked = new Set<string>()
  #waiting: string[] = []
  #busy = false
  #look: Look
  #tell: (known: Map<string, string>) => void

  constructor(look: Look, tell: (known: Map<string, string>) => void) {
    this.#look = look
    this.#tell = tell
  }

  /** start reads the first hundred; until it has, nothing is looked up. */
  async start(): Promise<void> {
    this.#busy = true
    await this.#read({ MaxResults: 100 })
    this.#busy = false
    void this.#next()
  }

  /** want looks up the pools without a name, one after the other. Cut IDs are of pools that are not there. */
  want(ids: string[]): void {
    for (const id of ids) {
      if (this.#known.has(id) || this.#asked.has(id) || id.endsWith('…') || this.#asked.size >= LOOKUPS) continue
      this.#asked.add(id)
      this.#waiting.push(id)
    }
    void this.#next()
  }

  async #next(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    for (let id = this.#waiting.shift(); id !== undefined; id = this.#waiting.shift())
      if (!this.#known.has(id)) await this.#read({ Search: id, MaxResults: 1 })
    this.#busy = false
  }

  // Names are a help: without them the list shows IDs.
  async #read(input: { Search?: string; MaxResults: number }): Promise<void> {
    const { Pools } = await this.#look(input).catch(() => ({ Pools: [] }))
    if (Pools.length === 0) return
    for (const { Id, Name } of Pools) this.#known.set(Id, Name)
    this.#tell(new Map(this.#known))
  }
}
