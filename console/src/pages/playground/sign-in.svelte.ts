// One sign-in: the results of its steps. It lives with the page, and what it got dies with it.

import { from, ready, type Planned, type State, type StepId } from './plan'
import type { Fact, Given, Got } from './run'

export interface Result {
  state: State
  ms: number
  at: number // counts the runs
  facts: Fact[]
  request?: { how: string; body: unknown }
  answer?: unknown
  error?: unknown
}

const idle: Result = { state: 'idle', ms: 0, at: 0, facts: [] }

export class SignIn {
  results = $state.raw<Partial<Record<StepId, Result>>>({})
  busy = $state(false)

  #got: Partial<Record<StepId, Got>> = {}
  #stop: AbortController | undefined
  #runs = 0

  of = (id: StepId): Result => this.results[id] ?? idle

  get states(): Partial<Record<StepId, State>> {
    return Object.fromEntries(Object.entries(this.results).map(([id, result]) => [id, result.state]))
  }

  /** forget ends what runs, and forgets all that was got. */
  forget = (): void => {
    this.#stop?.abort()
    this.#stop = undefined
    this.#got = {}
    this.results = {}
    this.busy = false
  }

  /** run makes the call of one step; what later steps had found out is no longer true. It returns whether to go on. */
  async run(steps: Planned[], id: StepId, given: Given): Promise<boolean> {
    this.#stop?.abort()
    const stop = new AbortController()
    this.#stop = stop
    this.busy = true

    for (const gone of from(steps, id)) {
      this.#put(gone, undefined)
      Reflect.deleteProperty(this.#got, gone)
    }

    const step = steps.find((one) => one.id === id) as Planned
    const at = ++this.#runs
    this.#put(id, { state: 'running', ms: 0, at, facts: [] })

    let begun = performance.now()
    let goesOn = true
    let request: Result['request']
    try {
      const { callOf } = await import('./run')
      if (this.#stop !== stop) return false
      const made = callOf(id, given, this.#sofar(steps))
      request = { how: made.how, body: made.request }
      begun = performance.now()
      this.#put(id, { state: 'running', ms: 0, at, facts: [], request })

      const done = await made.send(stop.signal)
      if (this.#stop !== stop) return false
      this.#got[id] = done.got
      this.#put(id, {
        state: 'passed',
        ms: performance.now() - begun,
        at,
        facts: done.facts,
        request,
        answer: done.answer,
      })
    } catch (error) {
      if (this.#stop !== stop) return false
      goesOn = step.spare === true
      this.#put(id, { state: 'refused', ms: performance.now() - begun, at, facts: [], request, error })
    }
    this.busy = false

    return goesOn
  }

  /** all runs a step and those after it, until one is refused. */
  async all(steps: Planned[], given: Given, first?: StepId): Promise<void> {
    for (const id of from(steps, first ?? (steps[0] as Planned).id)) {
      if (!ready(steps, this.states, id) || !(await this.run(steps, id, given))) return
    }
  }

  #sofar(steps: Planned[]): Got {
    return Object.assign({}, ...steps.map((step) => this.#got[step.id] ?? {})) as Got
  }

  #put(id: StepId, result: Result | undefined): void {
    const next = { ...this.results }
    if (result) next[id] = result
    else Reflect.deleteProperty(next, id)
    this.results = next
  }
}
