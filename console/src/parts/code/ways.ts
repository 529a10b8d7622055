// The ways in which somebody can sign in at a pool, each with its sample.

import { visible } from '../text'
import type { Flow } from './samples'

export interface Way {
  flow: Flow
  login?: string // the key in Logins
  role?: string // the role that an app takes in the classic flow
  words: string
}

export interface Accepted {
  guests: boolean
  logins: string[] // keys in Logins
  developer: string // the pool's developer provider name; '' = none
}

/** Classic is what an app of the classic flow needs to know: the roles of the pool, as far as they are known. */
export interface Classic {
  authenticated?: string
  unauthenticated?: string
}

/** waysOf lists the ways of a pool. Those of the classic flow come last, where the pool allows it. */
export function waysOf({ guests, logins, developer }: Accepted, classic: Classic | null): Way[] {
  const tokens = logins.filter((login) => login !== developer)
  const ways: Way[] = [
    ...tokens.map((login): Way => ({ flow: 'user', login, words: `A user of ${visible(login)}` })),
    ...(developer ? [{ flow: 'developer', login: developer, words: 'A user of your own backend' } as const] : []),
    ...(guests ? [{ flow: 'guest', words: 'A guest' } as const] : []),
  ]
  if (!classic) return ways

  const flows = { user: 'classic', developer: 'developerclassic', guest: 'guestclassic' } as const
  const old = ways.flatMap((way): Way[] => {
    const { flow } = way
    // A SAML response signs in by the enhanced flow only.
    if (way.login?.startsWith('arn:') || !(flow in flows)) return []
    const role = flow === 'guest' ? classic.unauthenticated : classic.authenticated
    return [
      {
        ...way,
        flow: flows[flow as keyof typeof flows],
        words: `${way.words}, classic flow`,
        ...(role ? { role } : {}),
      },
    ]
  })

  return [...ways, ...old]
}
