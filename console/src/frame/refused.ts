// The number at Explain: the refusals of the last hour.

import { call, CallError } from './client'
import { session } from './session.svelte'

const EVERY = 60_000

/** total adds up the refusals of all reasons. */
export function total(refused: Record<string, number[]>): number {
  return Object.values(refused).reduce((sum, series) => sum + series.reduce((a, b) => a + b, 0), 0)
}

/**
 * watch tells the number at once and every minute while the tab is visible. Failures are silent; a key that may not
 * ask does not ask again. It returns how to end that.
 */
export function watch(tell: (refused: number) => void): () => void {
  const stop = new AbortController()
  let denied = ''
  let last = 0

  const look = async () => {
    const key = session.key
    if (!key || document.hidden || denied === key.accessKeyId || Date.now() - last < EVERY - 1000) return
    last = Date.now()

    try {
      const From = Math.floor((Date.now() + session.clockOffset) / 1000) - 3600
      const { Series } = await call<{ Series: { Refused: Record<string, number[]> } }>(
        'admin',
        'GetStatistics',
        { From, Step: 300 },
        { signal: stop.signal },
      )
      if (session.key === key) tell(total(Series.Refused))
    } catch (error) {
      if (error instanceof CallError && error.kind === 'denied') denied = key.accessKeyId
      tell(0)
    }
  }

  void look()
  const timer = window.setInterval(() => void look(), EVERY)
  const visible = () => void look()
  document.addEventListener('visibilitychange', visible)

  return () => {
    stop.abort()
    window.clearInterval(timer)
    document.removeEventListener('visibilitychange', visible)
  }
}
