// Which calls a sign-in makes, in their order, and what may be shown of them.

import type { Flow } from '../../parts/code/samples'

export type Who = 'guest' | 'dev' | 'token' | 'saml' | 'backend'

export type StepId = 'mint' | 'developer' | 'getid' | 'openid' | 'credentials' | 'assume' | 'caller'

export interface Planned {
  id: StepId
  operation: string
  question: string
  /** spare steps show something besides: the sign-in goes on without them. */
  spare?: boolean
}

const all: Record<StepId, Planned> = {
  mint: { id: 'mint', operation: 'Development token', question: 'Which token does the made-up user have?' },
  developer: {
    id: 'developer',
    operation: 'GetOpenIdTokenForDeveloperIdentity',
    question: 'Which identity and token does the backend get for its user?',
  },
  getid: { id: 'getid', operation: 'GetId', question: 'Which identity is this user?' },
  openid: { id: 'openid', operation: 'GetOpenIdToken', question: 'Which token does the pool give to this identity?' },
  credentials: {
    id: 'credentials',
    operation: 'GetCredentialsForIdentity',
    question: 'Which credentials does this user get?',
  },
  assume: {
    id: 'assume',
    operation: 'AssumeRoleWithWebIdentity',
    question: 'Which credentials does the role give for this token?',
  },
  caller: { id: 'caller', operation: 'GetCallerIdentity', question: 'Who is this user, with these credentials?' },
}

/** classicFor tells whether somebody can sign in by the classic flow: SAML is of the enhanced flow only. */
export const classicFor = (who: Who): boolean => who !== 'saml'

/**
 * plan returns the steps of a sign-in. The enhanced flow asks for a token only to show it: where the pool gives none,
 * because it does not allow the classic flow, a sign-in that works has no refusal.
 */
export function plan(who: Who, classic: boolean, tokens = true): Planned[] {
  const before: StepId[] = who === 'dev' ? ['mint', 'getid'] : who === 'backend' ? ['developer'] : ['getid']
  const byClassic = classic && classicFor(who)
  const ids: StepId[] = [...before]
  // The developer's token is one already, and a SAML response gives none.
  if (who !== 'backend' && who !== 'saml' && (tokens || byClassic)) ids.push('openid')
  ids.push(byClassic ? 'assume' : 'credentials', 'caller')

  return ids.map((id) => (id === 'openid' && !byClassic ? { ...all[id], spare: true } : all[id]))
}

export type State = 'idle' | 'running' | 'passed' | 'refused'

/** ready tells whether a step may run: all before it have passed, but those that can be spared. */
export function ready(steps: Planned[], states: Partial<Record<StepId, State>>, id: StepId): boolean {
  for (const step of steps) {
    if (step.id === id) return true
    if (states[step.id] !== 'passed' && !step.spare) return false
  }

  return false
}

/** from returns a step and all after it: those whose results end when it runs again. */
export function from(steps: Planned[], id: StepId): StepId[] {
  return steps.slice(steps.findIndex((step) => step.id === id)).map((step) => step.id)
}

/** codeOf returns the sample that has the call of a step; undefined if none has it. */
export function codeOf(who: Who, classic: boolean, id: StepId): Flow | undefined {
  const byClassic = classic && classicFor(who)
  switch (who) {
    case 'guest':
      return byClassic || id === 'openid' ? 'guestclassic' : 'guest'
    case 'backend':
      return byClassic ? 'developerclassic' : 'developer'
    case 'saml':
      return 'user'
    default:
      if (id === 'mint') return undefined
      return byClassic || id === 'openid' ? 'classic' : 'user'
  }
}

const secretMembers = new Set([
  'Token',
  'token',
  'SecretKey',
  'SecretAccessKey',
  'SessionToken',
  'WebIdentityToken',
  'saml_response',
  'claims',
])

export const HIDDEN = '••••••••'

/** masked returns a copy of a request or an answer without its secrets. */
export function masked(value: unknown, open: Set<string> = new Set()): unknown {
  if (Array.isArray(value)) return value.map((one) => masked(one, open))
  if (typeof value !== 'object' || value === null) return value

  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      if (secretMembers.has(name)) return [name, HIDDEN]
      if (name !== 'Logins' || typeof one !== 'object' || one === null) return [name, masked(one, open)]
      return [
        name,
        Object.fromEntries(Object.entries(one).map(([login, text]) => [login, open.has(login) ? text : HIDDEN])),
      ]
    }),
  )
}

/** claimsOf reads the claims of the made-up user, or tells the parser's words. */
export function claimsOf(text: string): { claims: Record<string, unknown> } | { fault: string } {
  if (!text.trim()) return { claims: {} }
  try {
    const claims: unknown = JSON.parse(text)
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims))
      return { claims: claims as Record<string, unknown> }
    return { fault: 'Claims are an object, such as { "groups": ["staff"] }.' }
  } catch (error) {
    return { fault: `${(error as Error).message}. An example: { "groups": ["staff"] }` }
  }
}

/** tally tells how far a sign-in came. */
export function tally(steps: Planned[], states: Partial<Record<StepId, State>>): string {
  const passed = steps.filter((step) => states[step.id] === 'passed').length
  const refused = steps.find((step) => states[step.id] === 'refused' && !step.spare)
  if (refused) return `${refused.operation} was refused. ${passed} of ${steps.length} steps passed.`

  const spared = steps.find((step) => states[step.id] === 'refused')
  if (spared && states.caller === 'passed')
    return `The sign-in works. ${spared.operation} was refused; this flow does without it.`

  return passed === steps.length ? `The sign-in works: all ${passed} steps passed.` : ''
}
