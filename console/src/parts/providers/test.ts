// The answer of TestProvider.

import { call } from '../../frame/client'
import type { Step } from '../trace/types'

export interface FoundKey {
  KeyId: string
  Type: string
  Algorithm?: string
  Bits: number
}

export interface TestAnswer {
  Passed: boolean
  Found: {
    Issuer: string
    Algorithms: string[] | null
    Keys: FoundKey[] | null
    UnusableKeys: number
    Milliseconds: number
    Certificate?: { Expires: number }
  }
  Steps: Step[] | null
  Warnings: string[] | null
}

export type Tested = { Issuer: string } | { ProviderArn: string } | { SamlMetadata: string }

/** test asks the server to fetch what a provider publishes, as a sign-in would. */
export function test(what: Tested, signal?: AbortSignal): Promise<TestAnswer> {
  return call<TestAnswer>('admin', 'TestProvider', what, { seconds: 20, ...(signal ? { signal } : {}) })
}

/** warningsOf tells what an issuer is probably not meant to be, before a test. */
export function warningsOf(issuer: string): string[] {
  let address: URL
  try {
    address = new URL(issuer)
  } catch {
    return []
  }

  const warnings: string[] = []
  if (address.protocol === 'http:')
    warnings.push(
      'The issuer has no TLS (http:). Only a development server, or a provider of the settings file, does without it.',
    )
  if (/^(localhost|127\.0\.0\.1|\[::1\])$/.test(address.hostname))
    warnings.push(
      'localhost and 127.0.0.1 are different issuers. Write the address exactly as the iss claim of the tokens has it.',
    )
  if (issuer.endsWith('/'))
    warnings.push('A slash at the end counts. Leave it out unless the iss claim of the tokens has it.')
  if (address.search || address.hash) warnings.push('An issuer has no query and no fragment.')

  return warnings
}

/** clientIDs reads client IDs: one a line, or between commas. */
export function clientIDs(text: string): string[] {
  return [...new Set(text.split(/[\n,]/).map((one) => one.trim()))].filter(Boolean)
}
