// Calls of IAM and STS, as every page makes them: the input that is sent, and the result of the answer.

import type { CallOptions } from '../frame/client'
import { callQuery } from './query'
import type { Element } from './xml'

const versions = { iam: '2010-05-08', sts: '2011-06-15' }

export type Input = Record<string, string | number | string[] | undefined>

/** form writes an input of the query protocol. A list has one entry for each member; what is undefined is left out. */
export function form(service: keyof typeof versions, action: string, input: Input = {}): URLSearchParams {
  const out = new URLSearchParams({ Action: action, Version: versions[service] })
  for (const [name, value] of Object.entries(input)) {
    if (Array.isArray(value)) value.forEach((one, n) => out.set(`${name}.member.${n + 1}`, one))
    else if (value !== undefined) out.set(name, String(value))
  }

  return out
}

/** ask makes a call, and returns its result. */
export async function ask(
  service: keyof typeof versions,
  action: string,
  input?: Input,
  options?: CallOptions,
): Promise<Element> {
  const root = await callQuery(service, form(service, action, input), options)

  return root.child(`${action}Result`) ?? root
}

/** iam makes a call of IAM, and returns its result. */
export const iam = (action: string, input?: Input, signal?: AbortSignal): Promise<Element> =>
  ask('iam', action, input, signal && { signal })

/** partitionOf returns the partition of a region: the second part of its ARNs. */
export const partitionOf = (region: string): string =>
  region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'

/** lastOf returns the name at the end of the ARN of a role or a policy, behind its path. */
export const lastOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1)
