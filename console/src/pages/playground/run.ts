// The calls themselves. Each tells what it sent, what came, and the facts to show.

import { call, callPublic, endpoint } from '../../frame/client'
import { callQuery } from '../../parts/query'
import type { Key } from '../../frame/session.svelte'
import type { Element } from '../../parts/xml'
import { prove, read, type PublishedKey } from './token'
import type { StepId, Who } from './plan'

export interface Fact {
  name: string
  text?: string
  secret?: string
  time?: number | string
  identity?: string
  bad?: boolean
}

export interface Given {
  pool: string
  who: Who
  login: string
  token: string // of a provider: pasted, or made for the made-up user
  subject: string
  claims: Record<string, unknown>
  user: string // the backend's
  role: string
}

/** Got is what earlier steps found out, for later ones. */
export interface Got {
  token?: string
  login?: string
  identity?: string
  openid?: string
  key?: Key
}

export interface Done {
  got: Got
  facts: Fact[]
  answer: unknown
}

export interface Call {
  how: string // the head of the request
  request: unknown
  send: (signal: AbortSignal) => Promise<Done>
}

interface Keys {
  AccessKeyId: string
  SecretKey?: string
  SecretAccessKey?: string
  SessionToken: string
  Expiration: number | string
}

const BACKEND = 'cognito-identity.amazonaws.com'

function logins(given: Given, got: Got): Record<string, string> | undefined {
  if (given.who === 'guest') return undefined
  if (given.who === 'backend') return { [BACKEND]: got.openid ?? '' }

  return { [got.login ?? given.login]: got.token ?? given.token }
}

/** callOf returns the call of a step, made of what was given and of what earlier steps got. */
export function callOf(step: StepId, given: Given, got: Got): Call {
  const own = logins(given, got)
  const Logins = own ? { Logins: own } : {}

  switch (step) {
    case 'mint':
      return mint(given)
    case 'developer':
      return developer(given)
    case 'getid':
      return pools('GetId', { IdentityPoolId: given.pool, ...Logins }, (answer: { IdentityId: string }) => ({
        got: { identity: answer.IdentityId },
        facts: [{ name: 'Identity', identity: answer.IdentityId }],
      }))
    case 'openid':
      return pools(
        'GetOpenIdToken',
        { IdentityId: got.identity, ...Logins },
        async (answer: { IdentityId: string; Token: string }, signal) => ({
          got: { openid: answer.Token, identity: answer.IdentityId },
          facts: await tokenFacts(answer.Token, signal),
        }),
      )
    case 'credentials':
      return pools(
        'GetCredentialsForIdentity',
        { IdentityId: got.identity, ...Logins },
        (answer: { IdentityId: string; Credentials: Keys }) => ({
          got: { identity: answer.IdentityId, key: keyOf(answer.Credentials) },
          facts: [
            ...(answer.IdentityId === got.identity ? [] : [{ name: 'Identity now', identity: answer.IdentityId }]),
            ...keyFacts(answer.Credentials),
          ],
        }),
      )
    case 'assume':
      return assume(given, got)
    case 'caller':
      return caller(got)
  }
}

type Outcome = Omit<Done, 'answer'>

function pools<T>(
  operation: string,
  request: object,
  read: (answer: T, signal: AbortSignal) => Outcome | Promise<Outcome>,
  signed = false,
): Call {
  const send = signed
    ? (signal: AbortSignal) => call<T>('pools', operation, request, { signal })
    : (signal: AbortSignal) => callPublic<T>(operation, request, { signal })

  return {
    how: `POST ${endpoint()}\nX-Amz-Target: AWSCognitoIdentityService.${operation}${signed ? '\nsigned with the key of this console' : ''}`,
    request,
    send: async (signal) => {
      const answer = await send(signal)
      return { ...(await read(answer, signal)), answer }
    },
  }
}

function mint(given: Given): Call {
  const request = { sub: given.subject, claims: given.claims }

  return {
    how: `POST ${endpoint()}_poolhouse/dev/token`,
    request,
    send: async (signal) => {
      const answer = await devPost<{ token: string }>('token', request, signal)
      const claims = read(answer.token)?.claims ?? {}
      return {
        got: { token: answer.token, login: given.login },
        facts: [
          { name: 'Login key', text: given.login },
          ...claimFacts(claims, { Issuer: 'iss', Subject: 'sub', Audience: 'aud' }),
          { name: 'Token', secret: answer.token },
        ],
        answer,
      }
    },
  }
}

/** devPost calls a development server's control API. */
export async function devPost<T>(path: 'token' | 'saml-response', input: object, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(`${endpoint()}_poolhouse/dev/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(input),
    cache: 'no-store',
    ...(signal ? { signal } : {}),
  })
  const body = (await answer.json()) as T & { error?: string; message?: string }
  if (!answer.ok) throw new Error(body.message ?? body.error ?? `The server answered with status ${answer.status}.`)

  return body
}

function developer(given: Given): Call {
  return pools(
    'GetOpenIdTokenForDeveloperIdentity',
    { IdentityPoolId: given.pool, Logins: { [given.login]: given.user } },
    async (answer: { IdentityId: string; Token: string }, signal) => ({
      got: { identity: answer.IdentityId, openid: answer.Token },
      facts: [{ name: 'Identity', identity: answer.IdentityId }, ...(await tokenFacts(answer.Token, signal))],
    }),
    true,
  )
}

function assume(given: Given, got: Got): Call {
  const request = {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: given.role,
    RoleSessionName: 'playground',
    WebIdentityToken: got.openid ?? '',
  }

  return {
    how: `POST ${endpoint()}\nContent-Type: application/x-www-form-urlencoded`,
    request,
    send: async (signal) => {
      const answer = await callQuery('sts', new URLSearchParams(request), { signal, signed: false })
      const text = (name: string) => answer.find('Credentials')?.of(name) ?? ''
      const keys = {
        AccessKeyId: text('AccessKeyId'),
        SecretAccessKey: text('SecretAccessKey'),
        SessionToken: text('SessionToken'),
        Expiration: text('Expiration'),
      }
      return { got: { key: keyOf(keys) }, facts: keyFacts(keys), answer: plain(answer) }
    },
  }
}

function caller(got: Got): Call {
  const request = { Action: 'GetCallerIdentity', Version: '2011-06-15' }

  return {
    how: `POST ${endpoint()}\nContent-Type: application/x-www-form-urlencoded\nsigned with the credentials of the step before`,
    request,
    send: async (signal) => {
      const answer = await callQuery('sts', new URLSearchParams(request), {
        signal,
        ...(got.key ? { key: got.key } : {}),
      })
      const arn = answer.find('Arn')?.text ?? ''
      return {
        got: {},
        facts: [
          { name: 'Role', text: /:assumed-role\/(.+)\/[^/]*$/.exec(arn)?.[1] ?? '–' },
          { name: 'Session', text: arn },
          { name: 'Account', text: answer.find('Account')?.text ?? '' },
        ],
        answer: plain(answer),
      }
    },
  }
}

function keyOf(keys: Keys): Key {
  return {
    accessKeyId: keys.AccessKeyId,
    secretAccessKey: keys.SecretKey ?? keys.SecretAccessKey ?? '',
    sessionToken: keys.SessionToken,
  }
}

function keyFacts(keys: Keys): Fact[] {
  return [
    { name: 'Access key ID', text: keys.AccessKeyId },
    { name: 'Secret key', secret: keys.SecretKey ?? keys.SecretAccessKey ?? '' },
    { name: 'Session token', secret: keys.SessionToken },
    { name: 'Expire', time: keys.Expiration },
  ]
}

async function tokenFacts(token: string, signal: AbortSignal): Promise<Fact[]> {
  const claims = read(token)?.claims ?? {}

  return [
    await proofFact(token, signal),
    ...claimFacts(claims, { Issuer: 'iss', Subject: 'sub', Audience: 'aud', amr: 'amr' }),
    ...(typeof claims.exp === 'number' ? [{ name: 'Expires', time: claims.exp }] : []),
    { name: 'Token', secret: token },
  ]
}

async function proofFact(token: string, signal: AbortSignal): Promise<Fact> {
  const name = 'Signature'
  try {
    const answer = await fetch(`${endpoint()}.well-known/jwks_uri`, { signal, cache: 'no-store' })
    if (!answer.ok)
      return { name, text: `Not verified: the published keys did not arrive (${answer.status}).`, bad: true }

    const proof = await prove(token, ((await answer.json()) as { keys: PublishedKey[] }).keys)
    if (!proof.ok) return { name, text: `Not verified: ${proof.why}`, bad: true }

    return { name, text: `Verified in this browser: ${proof.alg}, key ${proof.kid}, ${proof.ms.toFixed(1)} ms` }
  } catch (error) {
    if (signal.aborted) throw error
    return { name, text: 'Not verified: the published keys cannot be read.', bad: true }
  }
}

function claimFacts(claims: Record<string, unknown>, names: Record<string, string>): Fact[] {
  return Object.entries(names)
    .filter(([, claim]) => claims[claim] !== undefined)
    .map(([name, claim]) => {
      const value = claims[claim]
      return { name, text: typeof value === 'string' ? value : JSON.stringify(value) }
    })
}

// plain turns an answer in XML into an object, so that its secrets can be masked by their names.
function plain(element: Element): unknown {
  if (element.children.length === 0) return element.text

  return Object.fromEntries(element.children.map((child) => [child.name, plain(child)]))
}
