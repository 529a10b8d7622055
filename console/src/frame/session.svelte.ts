// Who signs the calls. The key is in this module's memory. It stands in sessionStorage only if its user ticked
// "Keep until this tab closes", and nowhere else.

export interface Key {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

/** Context is what the server tells every visitor: nothing of it is secret. */
export interface Context {
  development: boolean
  region: string
  account: string
  version: string
  idleSeconds: number
}

/** DevInfo is the answer of a development server about itself, its known key included. */
export interface DevInfo {
  endpoint: string
  region: string
  account_id: string
  access_key_id: string
  secret_access_key: string
  issuer: string
  oidc_provider_arn: string
  login_key: string
  audience: string
}

const STORED = 'poolhouse.key'

class Session {
  key = $state.raw<Key | null>(null)
  kept = $state(false)
  context = $state.raw<Context | null>(null)
  dev = $state.raw<DevInfo | null>(null)

  /** ended tells why there is no key any more. */
  ended = $state<'idle' | 'forgotten' | null>(null)

  /** asking shows the dialog that asks for another key; what was on the page stays. */
  asking = $state(false)

  /** refused is why the server does not accept the key any more, in its words. */
  refused = $state<{ expired: boolean; words: string } | null>(null)

  /** clockOffset is the server's time less this machine's, in milliseconds; 0 below a minute. */
  clockOffset = $state(0)

  #lastUse = Date.now()

  async start(): Promise<void> {
    this.key = stored()
    this.kept = this.key !== null
    this.context = await fetchJSON<Context>('context.json')
    if (this.context.development) this.dev = await fetchJSON<DevInfo>('../_poolhouse/dev/info')
  }

  use(key: Key, keep: boolean): void {
    this.key = key
    this.kept = keep
    this.ended = null
    this.refused = null
    this.asking = false
    this.touch()

    if (keep) sessionStorage.setItem(STORED, JSON.stringify(key))
    else sessionStorage.removeItem(STORED)
  }

  forget(why: 'idle' | 'forgotten'): void {
    this.key = null
    this.refused = null
    this.asking = false
    this.kept = false
    this.ended = why
    sessionStorage.removeItem(STORED)
  }

  /** ask asks for another key. */
  ask(): void {
    this.asking = true
  }

  /** refuse notes that the server refused a key as such. The dialog comes by itself once for each key. */
  refuse(key: Key, words: string, expired: boolean): void {
    if (this.key !== key || this.refused) return
    this.refused = { words, expired }
    this.asking = true
  }

  /** touch notes that somebody is there. */
  touch(): void {
    this.#lastUse = Date.now()
  }

  /** watch forgets the key when nobody was there for the time that the server sets. */
  watch(): () => void {
    const touch = () => this.touch()
    const check = () => {
      const idle = this.context?.idleSeconds ?? 0
      if (this.key && idle > 0 && Date.now() - this.#lastUse > idle * 1000) this.forget('idle')
    }
    const events = ['pointerdown', 'keydown'] as const
    for (const event of events) window.addEventListener(event, touch, { passive: true })
    // A hidden tab's timers may stand still, so the time is looked at on return as well.
    document.addEventListener('visibilitychange', check)
    const timer = window.setInterval(check, 15_000)

    return () => {
      for (const event of events) window.removeEventListener(event, touch)
      document.removeEventListener('visibilitychange', check)
      window.clearInterval(timer)
    }
  }
}

export const session = new Session()

function stored(): Key | null {
  try {
    const key = JSON.parse(sessionStorage.getItem(STORED) ?? 'null') as Partial<Key> | null
    if (key?.accessKeyId && key.secretAccessKey) return key as Key
  } catch {
    sessionStorage.removeItem(STORED)
  }

  return null
}

async function fetchJSON<T>(path: string): Promise<T> {
  const answer = await fetch(path)
  if (!answer.ok) throw new Error(`${path}: status ${answer.status}`)

  return (await answer.json()) as T
}
