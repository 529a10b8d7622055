// Hash routes. Secrets, tokens and claims never stand in a route: routes are kept in the browser's history.

export interface Place {
  path: string[]
  query: URLSearchParams
}

/**
 * parse returns the place that a hash names. A part that cannot be decoded stays as it is. Values of the query fill
 * fields, which cannot show hidden characters: somebody else may have written the hash, so such values are left out.
 */
export function parse(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2)
  const shown = [...new URLSearchParams(query)].filter(([, value]) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(value))

  return { path: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(shown) }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** href returns the address of a place: parts of the path, and the query without empty values. */
export function href(path: string[], query: Record<string, string | undefined> = {}): string {
  const kept = Object.entries(query).filter((entry): entry is [string, string] => !!entry[1])
  const text = new URLSearchParams(kept).toString()

  return '#/' + path.map(encodeURIComponent).join('/') + (text ? '?' + text : '')
}

class Router {
  here = $state.raw<Place>(parse(typeof location === 'undefined' ? '' : location.hash))

  /** moved counts the navigations; the page's heading takes the focus after each but the first. */
  moved = $state(0)

  /** held is the hash that somebody wants to go to while a draft is not saved. */
  held = $state<string | null>(null)

  #holds = new Set<() => boolean>() // a page, and a dialog over it
  #last = typeof location === 'undefined' ? '' : location.hash

  start(): () => void {
    const change = () => this.#change()
    window.addEventListener('hashchange', change)

    return () => window.removeEventListener('hashchange', change)
  }

  /**
   * holdBy asks a page whether it has a draft before another page is shown, or the browser leaves the console. It returns
   * how to end that; call it in onMount. Changes of the query alone are not held.
   */
  holdBy(hasDraft: () => boolean): () => void {
    this.#holds.add(hasDraft)

    // The browser is told of drafts only while there is one: it keeps pages without a listener for its Back button.
    const end = $effect.root(() => {
      $effect(() => {
        if (!hasDraft()) return
        const keep = (event: BeforeUnloadEvent) => event.preventDefault()
        window.addEventListener('beforeunload', keep)
        return () => window.removeEventListener('beforeunload', keep)
      })
    })

    return () => {
      end()
      this.#holds.delete(hasDraft)
    }
  }

  /** leave goes where somebody wanted to go, without the draft. */
  leave(): void {
    const to = this.held
    this.held = null
    this.#holds.clear()
    if (to !== null) location.hash = to
  }

  stay(): void {
    this.held = null
  }

  #change(): void {
    const next = parse(location.hash)
    const samePage = next.path.join('/') === this.here.path.join('/')
    if (!samePage && location.hash !== this.#last && [...this.#holds].some((hasDraft) => hasDraft())) {
      this.held = location.hash
      history.replaceState(null, '', this.#last || '#/')
      return
    }

    this.#last = location.hash
    this.here = next
    if (!samePage) this.moved++
  }
}

export const router = new Router()

/** go shows a place; with replace it takes the present one's place in the history. */
export function go(
  path: string[],
  query: Record<string, string | undefined> = {},
  options: { replace?: boolean } = {},
): void {
  const to = href(path, query)
  if (!options.replace) {
    location.hash = to
    return
  }

  history.replaceState(null, '', to)
  window.dispatchEvent(new HashChangeEvent('hashchange'))
}
