// What was chosen on the page, so that somebody who goes to a setting and comes back finds it again. It is in memory, and
// has no token, no claims and no credentials.

import type { Who } from './plan'

interface Chosen {
  who: Who
  classic: boolean
  subject: string
}

let kept: Chosen | null = null

export const chosen = (): Chosen | null => kept

export function choose(now: Chosen): void {
  kept = now
}
