// The one way to the server. Every answer that is no success becomes a CallError.

import { AwsV4Signer } from 'aws4fetch'
import { session, type Key } from './session.svelte'

export type ErrorKind =
  | 'refused' // the server's answer: input, state, limit
  | 'denied' // the key may not do this
  | 'key' // the key is unknown, disabled or expired, or its secret is wrong
  | 'clock' // this machine's clock is too far off
  | 'throttled' // too many calls
  | 'broken' // the server failed: not a matter of the input
  | 'silent' // no answer in time
  | 'unreachable' // no connection
  | 'insecure' // no WebCrypto: plain HTTP off loopback

export class CallError extends Error {
  constructor(
    readonly kind: ErrorKind,
    message: string,
    readonly code = '',
    readonly requestId = '',
    readonly operation = '',
  ) {
    super(message)
  }
}

export interface CallOptions {
  signal?: AbortSignal
  /** seconds until the server counts as silent; 5 if left out */
  seconds?: number
  /** another key than the session's, as for credentials that the playground got */
  key?: Key
}

const services = {
  admin: { target: 'PoolhouseAdmin', service: 'poolhouse' },
  pools: { target: 'AWSCognitoIdentityService', service: 'cognito-identity' },
} as const

const keyCodes = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'ExpiredTokenException',
  'ExpiredToken',
  'IncompleteSignatureException',
])
const deniedCodes = new Set(['AccessDeniedException', 'AccessDenied'])
const throttledCodes = new Set(['TooManyRequestsException', 'ThrottlingException', 'Throttling'])

/** endpoint is where all APIs are: the origin that serves the console. */
export function endpoint(): string {
  return location.origin + '/'
}

/** call makes a signed call of the admin API or of the identity pools' API. */
export function call<T>(
  api: keyof typeof services,
  operation: string,
  input: object = {},
  options: CallOptions = {},
): Promise<T> {
  const { target, service } = services[api]
  const headers = { 'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': `${target}.${operation}` }

  return again(async () => {
    const request = await sign(service, headers, JSON.stringify(input), options)
    return readJSON<T>(await send(request, options), operation)
  }, options)
}

/** callPublic makes an unsigned call of the identity pools' API, as an app does. */
export function callPublic<T>(operation: string, input: object, options: CallOptions = {}): Promise<T> {
  const headers = {
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': `${services.pools.target}.${operation}`,
  }
  const request = new Request(endpoint(), { method: 'POST', headers, body: JSON.stringify(input) })

  return send(request, options).then((answer) => readJSON<T>(answer, operation))
}

export async function sign(
  service: string,
  headers: Record<string, string>,
  body: string,
  options: CallOptions,
): Promise<Request> {
  const key = options.key ?? session.key
  if (!key) throw new CallError('key', 'No key is in use. Use a key first.')
  if (!globalThis.isSecureContext) throw new CallError('insecure', 'This page cannot sign calls over plain HTTP.')

  const now = new Date(Date.now() + session.clockOffset)
  const signer = new AwsV4Signer({
    ...key,
    url: endpoint(),
    method: 'POST',
    headers,
    body,
    service,
    region: session.context?.region ?? 'us-east-1',
    datetime: now.toISOString().replace(/[:-]|\.\d{3}/g, ''),
  })
  const signed = await signer.sign()

  return new Request(signed.url, { method: 'POST', headers: signed.headers, body })
}

export async function send(request: Request, options: CallOptions): Promise<Response> {
  const seconds = options.seconds ?? 5
  const timeout = AbortSignal.timeout(seconds * 1000)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout

  try {
    const answer = await fetch(request, { signal, cache: 'no-store' })
    noteClock(answer)
    return answer
  } catch (error) {
    if (options.signal?.aborted) throw error
    if (timeout.aborted) throw new CallError('silent', `The server did not answer within ${seconds} seconds.`)
    throw new CallError('unreachable', 'The server cannot be reached.')
  }
}

// noteClock keeps how far the server's clock is from this machine's, so that calls are signed with its time. The header
// has whole seconds and travels, so a distance of a few seconds from the known one is the same distance: what depends on
// it must not change with every answer.
function noteClock(answer: Response): void {
  const served = Date.parse(answer.headers.get('Date') ?? '')
  if (Number.isNaN(served)) return

  const offset = served - Date.now()
  const known = session.clockOffset
  if (Math.abs(offset) <= 60_000) session.clockOffset = 0
  else if (known === 0 || Math.abs(offset - known) > 10_000) session.clockOffset = offset
}

// again makes a call once more if the clock was wrong, and up to three times if there were too many calls.
export async function again<T>(attempt: () => Promise<T>, options: CallOptions): Promise<T> {
  const before = session.clockOffset
  const { key } = session

  for (let n = 1; ; n++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof CallError)) throw error
      const clock = (error.kind === 'clock' || error.kind === 'key') && n === 1 && session.clockOffset !== before
      if (!clock && error.kind === 'key' && key && !options.key)
        session.refuse(key, error.message, error.code.startsWith('ExpiredToken'))
      if (!clock && (error.kind !== 'throttled' || n === 3)) throw error
      if (!clock) await pause(300 * 2 ** n, options.signal)
    }
  }
}

export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done, stop) => {
    const timer = setTimeout(done, milliseconds)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      stop(signal.reason as Error)
    })
  })
}

async function readJSON<T>(answer: Response, operation: string): Promise<T> {
  const text = await answer.text()
  let body: Record<string, unknown>
  try {
    body = text ? (JSON.parse(text) as Record<string, unknown>) : {}
  } catch {
    throw foreign(answer, 'JSON', operation)
  }
  if (answer.ok) return body as T

  const type = answer.headers.get('x-amzn-errortype') ?? (typeof body.__type === 'string' ? body.__type : '')
  const message = body.message ?? body.Message
  throw refusal(
    answer,
    operation,
    type.split(/[:#]/).find((part) => /^[A-Z]/.test(part)) ?? type,
    typeof message === 'string' ? message : '',
    answer.headers.get('x-amzn-requestid') ?? '',
  )
}

// foreign is the error of an answer that is not of the API, such as a proxy's page.
export function foreign(answer: Response, form: string, operation: string): CallError {
  const message = `The answer is no ${form}: something else may answer at this address.`
  if (answer.status < 500) return new CallError('refused', message, '', '', operation)

  return new CallError('broken', `The answer has status ${answer.status} and is no ${form}.`, '', '', operation)
}

export function refusal(
  answer: Response,
  operation: string,
  code: string,
  message: string,
  requestId: string,
): CallError {
  let kind: ErrorKind = 'refused'
  if (throttledCodes.has(code) || answer.status === 429) kind = 'throttled'
  else if (answer.status >= 500) kind = 'broken'
  else if (deniedCodes.has(code)) kind = 'denied'
  else if (/RequestExpired|RequestTimeTooSkewed/.test(code) || /Signature (expired|not yet current)/.test(message))
    kind = 'clock'
  else if (keyCodes.has(code)) kind = 'key'

  return new CallError(kind, message || `The server answered with status ${answer.status}.`, code, requestId, operation)
}
