// Calls of the IAM API.

import { callQuery, type Input } from '../frame/client'
import type { Element } from '../frame/xml'
import { listed, type Listed } from './listed'

/** iam makes a call, and returns its result. */
export async function iam(action: string, input: Input = {}, signal?: AbortSignal): Promise<Element> {
  const root = await callQuery('iam', action, input, signal ? { signal } : {})

  return root.child(`${action}Result`) ?? root
}

/** listAll reads the pages of a list, as many as the console shows at once. */
export function listAll<T>(
  action: string,
  name: string,
  read: (element: Element) => T,
  input: Input = {},
  signal?: AbortSignal,
): Promise<Listed<T>> {
  return listed(async (marker) => {
    const page = await iam(action, { ...input, MaxItems: 200, Marker: marker }, signal)

    return { items: page.list(name).map(read), next: page.of('IsTruncated') === 'true' ? page.of('Marker') : '' }
  })
}
