// A pool as a resource with tags.

import { partitionOf } from '../../parts/iam'

/** arnOf returns the ARN of a pool. Its region is the beginning of its ID. */
export function arnOf(id: string, account: string): string {
  const region = id.split(':')[0] ?? ''

  return `arn:${partitionOf(region)}:cognito-identity:${region}:${account}:identitypool/${id}`
}

/** tagChanges returns what makes one set of tags of another. */
export function tagChanges(
  from: Record<string, string>,
  to: Record<string, string>,
): { set: Record<string, string>; unset: string[] } {
  return {
    set: Object.fromEntries(Object.entries(to).filter(([key, value]) => from[key] !== value)),
    unset: Object.keys(from).filter((key) => !Object.hasOwn(to, key)),
  }
}
