// What the key may do, by one call for the page. Where that cannot be asked, everything is offered: the server decides.

import { call } from '../../frame/client'
import { load, type Loaded } from '../../parts/load.svelte'

export interface Permits {
  /** lacks returns the action if the key may not do it; '' if it may, or if that is not known. */
  lacks: (action: string) => string
}

interface Answer {
  Results: { Action: string; Allowed: boolean }[]
}

/** permits asks about actions on a resource. Call it while a component is made. */
export function permits(actions: string[], resource: () => string | undefined = () => undefined): Permits {
  const loaded: Loaded<Set<string>> = load(async (signal) => {
    const about = resource()
    const Checks = actions.map((Action) => ({ Action, ...(about ? { Resource: about } : {}) }))
    const { Results } = await call<Answer>('admin', 'CheckAccess', { Checks }, { signal })

    return new Set(Results.filter((one) => !one.Allowed).map((one) => one.Action))
  }, resource)

  return { lacks: (action) => (loaded.value?.has(action) ? action : '') }
}
