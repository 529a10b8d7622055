// Reads lists of which the server sends a page at a time. A page asks for a few of them at most, however long a list is.

/** Batch is one page of a list; next is the token of the one after it, empty after the last. */
export interface Batch<T> {
  items: readonly T[]
  next?: string | null | undefined
}

/** Listed is what a list has, up to a bound; more tells that it has more. */
export interface Listed<T> {
  items: T[]
  more: boolean
}

/** Most bounds what is read of a list. A batch may have no item and still name another, so items alone are no bound. */
export interface Most {
  items: number
  batches: number
}

/** bound is what a page shows at once of a list without a search at the server. */
export const bound: Most = { items: 1000, batches: 20 }

/** listed reads a list from its beginning, until it ends or a bound is reached. */
export async function listed<T>(read: (next?: string) => Promise<Batch<T>>, most: Most = bound): Promise<Listed<T>> {
  const items: T[] = []
  let next: string | undefined

  for (let batch = 0; batch < most.batches && items.length < most.items; batch++) {
    const came = await read(next)
    items.push(...came.items)
    next = came.next || undefined
    if (next === undefined) break
  }

  return { items: items.slice(0, most.items), more: next !== undefined || items.length > most.items }
}
