// Pool × check: what a credential passes at which pool.

import { capital } from '../../parts/trace/rungs'
import type { Step } from '../../parts/trace/types'

export interface Result {
  IdentityPoolId: string
  Name: string
  ProviderName?: string
  Accepted: boolean
  Reason?: string
  Error?: string
  Message?: string
  RoleArn?: string
  Steps: Step[]
}

export type Cell = 'passed' | 'refused' | 'none'

/** columns returns the checks that any of the pools made, in the order of the checks, each once. */
export function columns(results: Result[]): string[] {
  const list: string[] = []
  for (const { Steps } of results) {
    let at = 0
    for (const { Check } of Steps) {
      const known = list.indexOf(Check)
      // A check that no earlier pool made stands after the one that came before it here.
      if (known >= 0) at = known + 1
      else list.splice(at++, 0, Check)
    }
  }

  return list
}

/** cell returns how a check went at a pool. A check of several things is refused if one of them is. */
export function cell(result: Result, check: string): Cell {
  const steps = result.Steps.filter((step) => step.Check === check)
  if (steps.length === 0) return 'none'

  return steps.every((step) => step.OK) ? 'passed' : 'refused'
}

/** first returns the check that refused first. */
export function first(result: Result): Step | undefined {
  return result.Steps.find((step) => !step.OK)
}

/** lacks reports whether a pool does not have the provider: one sentence tells that, no row of checks. */
export function lacks(result: Result): boolean {
  return !result.Accepted && /^login provider$/.test(first(result)?.Check ?? '')
}

/** where returns in short how a pool decided: "Accepted", or "at Token audience". */
export function where(result: Result): string {
  return result.Accepted ? 'Accepted' : `at ${capital(first(result)?.Check ?? 'the end')}`
}

/** kinds names the kinds of credentials that the server tells apart. */
export const kinds: Record<string, string> = {
  OpenIDConnectToken: 'OpenID Connect token',
  CognitoToken: 'token of GetOpenIdToken of this server',
  WebIdentityToken: 'token of this account for services outside',
  OtherJWT: 'JWT that is no ID token, such as an access token',
  SAMLResponse: 'SAML response',
  OpaqueToken: 'opaque token',
  Unknown: 'unknown',
}
