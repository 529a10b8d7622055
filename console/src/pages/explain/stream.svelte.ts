// The refusals as they come. One request waits at the server; what it brings is shown in portions, so that a flood does
// not stop the page.

import { call, CallError, pause } from '../../frame/client'
import type { Refusal } from '../../parts/trace/types'
import { backOff, fold, queued, type Row } from './fold'

export interface Filters {
  IdentityPoolId?: string
  ProviderName?: string
  Reason?: string
  Operation?: string
}

interface Answer {
  Refusals: Refusal[]
  Next: string
  Skipped: number
  KeptSince: number
  Nodes?: { Warning?: string; Gone?: number }
}

const PORTION = 50
const EVERY = 250

export class Stream {
  rows = $state.raw<Row[]>([])
  /** total counts the refusals that came since the filters were set. */
  total = $state(0)
  /** left counts those that came too fast to be shown, or that the server forgot first. */
  left = $state(0)
  /** warning is what the answer lacks, in the server's words; gone counts nodes that stopped or started again. */
  warning = $state('')
  gone = $state(0)
  keptSince = $state(0)
  state = $state<'starting' | 'live' | 'paused' | 'hidden' | 'waiting' | 'failed'>('starting')
  /**
   * since is when the list began to wait for its first answer or stopped to be live, and retryAt when the next try is, in
   * milliseconds.
   */
  since = $state(0)
  retryAt = $state(0)
  error = $state.raw<unknown>(undefined)

  #filters: Filters = {}
  #after = ''
  #queue: Refusal[] = []
  #timer: ReturnType<typeof setInterval> | undefined
  #stop = new AbortController()
  #wake: (() => void) | null = null

  /** begin forgets what was listed, and lists what the filters let through. A pause stays. */
  begin(filters: Filters): void {
    this.#filters = filters
    this.#after = ''
    this.#queue = []
    this.rows = []
    this.total = this.left = this.gone = 0
    this.warning = ''
    this.error = undefined
    // Filters are a question of their own: it is answered once, and then the pause goes on.
    if (this.state === 'paused' || this.state === 'hidden') void this.#once()
    else this.#go()
  }

  end(): void {
    this.#stop.abort()
    this.#drained()
  }

  /** pause ends the open request; no other follows until resume. */
  pause(as: 'paused' | 'hidden'): void {
    this.#stop.abort()
    this.state = as
    this.since = Date.now()
  }

  resume(): void {
    this.#go()
  }

  /** now tries at once, without the rest of a back-off. */
  now(): void {
    if (this.state === 'failed') this.#go()
    else this.#wake?.()
  }

  /** cancel ends the wait for the first answer. */
  cancel(): void {
    this.#stop.abort()
    this.error = new CallError('silent', 'You cancelled the wait.')
    this.state = 'failed'
  }

  #go(): void {
    this.#stop.abort()
    this.#stop = new AbortController()
    this.state = 'starting'
    this.since = Date.now()
    this.error = undefined
    void this.#follow(this.#stop.signal)
  }

  async #once(): Promise<void> {
    this.#stop.abort()
    this.#stop = new AbortController()
    const { signal } = this.#stop
    try {
      await this.#read(signal, false)
    } catch (error) {
      if (!signal.aborted) this.error = error
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let failures = 0
    let wait = false // the first answer comes at once, so that the page knows whether the server answers

    while (!signal.aborted) {
      try {
        const began = Date.now()
        const came = await this.#read(signal, wait)
        this.state = 'live'
        failures = 0
        // An empty answer that came at once would make a busy loop, as while the server stops.
        if (wait) await pause(came === 0 && Date.now() - began < 1000 ? 1000 : EVERY, signal)
        wait = true
      } catch (error) {
        if (signal.aborted) return
        wait = false
        if (error instanceof CallError && error.kind === 'refused' && this.#after) {
          // The position is of another time, as after the server's restart with another key: begin anew.
          this.#after = ''
          failures++
        } else if (error instanceof CallError && ['denied', 'key', 'insecure', 'refused'].includes(error.kind)) {
          this.error = error
          this.state = 'failed'
          return
        } else failures++
        await this.#rest(failures, signal)
      }
    }
  }

  async #rest(failures: number, signal: AbortSignal): Promise<void> {
    const seconds = backOff(failures)
    if (this.state !== 'waiting') this.since = Date.now()
    this.state = 'waiting'
    this.retryAt = Date.now() + seconds * 1000

    const woken = new Promise<void>((done) => (this.#wake = done))
    await Promise.race([pause(seconds * 1000, signal).catch(() => undefined), woken])
    this.#wake = null
  }

  async #read(signal: AbortSignal, wait: boolean): Promise<number> {
    const first = this.#after === ''
    const input = {
      ...this.#filters,
      MaxResults: 200,
      WaitSeconds: wait ? 20 : 0,
      ...(first ? {} : { After: this.#after }),
    }
    const answer = await call<Answer>('admin', 'ListRefusals', input, { signal, seconds: wait ? 25 : 5 })
    if (signal.aborted) return 0

    this.#after = answer.Next
    this.keptSince = answer.KeptSince
    this.warning = answer.Nodes?.Warning ?? ''
    // How many nodes have gone is told once, so it is added up.
    this.gone += answer.Nodes?.Gone ?? 0
    if (!first) this.left += answer.Skipped

    if (first) {
      this.rows = fold([], answer.Refusals)
      this.total = answer.Refusals.length
    } else this.#take(answer.Refusals)

    return answer.Refusals.length
  }

  #take(came: Refusal[]): void {
    if (came.length === 0) return
    const next = queued(this.#queue, came)
    this.#queue = next.waiting
    this.left += next.left
    this.#timer ??= setInterval(() => this.#show(), EVERY)
    if (this.#queue.length === came.length) this.#show()
  }

  #show(): void {
    const portion = this.#queue.slice(0, PORTION)
    this.#queue = this.#queue.slice(PORTION)
    if (portion.length > 0) {
      this.rows = fold(this.rows, portion)
      this.total += portion.length
    }
    if (this.#queue.length === 0) this.#drained()
  }

  #drained(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
