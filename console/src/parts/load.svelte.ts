// What a page reads from the server: the answer, the error, and whether it waits.

import { CallError } from '../frame/client'
import { session } from '../frame/session.svelte'
import { untrack } from 'svelte'

export class Loaded<T> {
  value = $state.raw<T | undefined>(undefined)
  error = $state.raw<unknown>(undefined)
  waiting = $state(false)

  /** since is when the wait began; at is when the value came. In milliseconds. */
  since = $state(0)
  at = $state(0)

  #stop: AbortController | undefined
  #read: (signal: AbortSignal) => Promise<T>

  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.#read = read
  }

  /** again reads once more. What was shown stays until the answer comes; an older answer that comes late is dropped. */
  again = async (): Promise<void> => {
    this.#stop?.abort()
    const stop = new AbortController()
    this.#stop = stop
    this.waiting = true
    this.since = Date.now()

    try {
      const value = await this.#read(stop.signal)
      if (this.#stop !== stop) return
      this.value = value
      this.error = undefined
      this.at = Date.now()
    } catch (error) {
      if (this.#stop !== stop || stop.signal.aborted) return
      this.error = error
    }
    this.waiting = false
  }

  cancel = (): void => {
    this.#stop?.abort()
    this.#stop = undefined
    if (!this.waiting) return
    this.waiting = false
    if (this.value === undefined) this.error = new CallError('silent', 'You cancelled the wait.')
  }

  /** set shows a value that a save has returned. */
  set(value: T): void {
    this.#stop?.abort()
    this.#stop = undefined
    this.value = value
    this.error = undefined
    this.waiting = false
    this.at = Date.now()
  }
}

/**
 * load reads when the component begins and again when what `key` returns has changed; it ends with the component. Call
 * it while a component is made.
 */
export function load<T>(read: (signal: AbortSignal) => Promise<T>, key: () => unknown = () => 0): Loaded<T> {
  const loaded = new Loaded(read)

  $effect(() => {
    key()
    untrack(() => {
      loaded.value = undefined
      loaded.error = undefined
      void loaded.again()
    })

    return () => untrack(loaded.cancel)
  })

  // What a key could not read is read again with the next key. What could be read stays: a draft may be made of it.
  onNextKey(() => {
    const { error } = loaded
    if (error instanceof CallError && ['key', 'denied'].includes(error.kind)) void loaded.again()
  })

  return loaded
}

/** onNextKey calls run whenever another key is used. Call it while a component is made. */
export function onNextKey(run: () => void): void {
  let last = session.key

  $effect(() => {
    const { key } = session
    if (key === last) return
    last = key
    if (key) untrack(run)
  })
}
