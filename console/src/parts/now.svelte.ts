// One clock for all relative times of a page, so that they change together.

import { session } from '../frame/session.svelte'

class Ticking {
  now = $state(Date.now())

  constructor() {
    setInterval(() => (this.now = Date.now() + session.clockOffset), 5000)
  }
}

export const ticking = new Ticking()
