// The credential that somebody pasted, on its way to the page that checks it: in memory, and only until it is taken.
// A route never holds one, because routes are kept in the browser's history.

export interface Credential {
  kind: 'token' | 'saml'
  value: string
}

let held: Credential | null = null

export function give(credential: Credential): void {
  held = credential
}

/** take returns what was given, once. */
export function take(): Credential | null {
  const taken = held
  held = null

  return taken
}
