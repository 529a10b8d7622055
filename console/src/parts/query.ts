// Calls of the query protocol, which IAM and STS speak.

import { again, endpoint, foreign, refusal, send, sign, type CallOptions } from '../frame/client'
import { parseXML, type Element } from './xml'

/**
 * callQuery makes a call of the query protocol, and returns the root of the answer. signed is false for calls such as
 * AssumeRoleWithWebIdentity.
 */
export function callQuery(
  service: 'iam' | 'sts',
  form: URLSearchParams,
  options: CallOptions & { signed?: boolean } = {},
): Promise<Element> {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' }
  const operation = form.get('Action') ?? ''

  return again(async () => {
    const request =
      options.signed === false
        ? new Request(endpoint(), { method: 'POST', headers, body: form.toString() })
        : await sign(service, headers, form.toString(), options)
    return readXML(await send(request, options), operation)
  }, options)
}

async function readXML(answer: Response, operation: string): Promise<Element> {
  let root: Element
  try {
    root = parseXML(await answer.text())
  } catch {
    throw foreign(answer, 'XML', operation)
  }
  if (answer.ok) return root

  const text = (name: string) => root.find(name)?.text ?? ''
  throw refusal(answer, operation, text('Code'), text('Message'), text('RequestId'))
}
