// What can be changed of a role besides its policies, and the calls that change it.

import type { Role, Tag } from './iam'
import { twice, type TagRow } from '../../parts/pool/types'
import { tagChanges } from '../pool/resource'

export interface Facts {
  description: string
  seconds: string // as it is typed
  boundary: string // '' = none
  tags: TagRow[]
}

export interface Step {
  what: string // 'The tags', to tell what was not saved
  action: string
  input: Record<string, string | string[]>
}

/** factsOf begins a draft. */
export function factsOf(role: Role): Facts {
  return {
    description: role.description,
    seconds: String(role.maxSession),
    boundary: role.boundary,
    tags: role.tags.map((tag, n) => ({ id: -1 - n, key: tag.Key, value: tag.Value })),
  }
}

export interface Faults {
  seconds: string
  boundary: string
  tags: string
}

/** faultsOf names what a draft lacks. The server checks the rest. */
export function faultsOf(draft: Facts): Faults {
  const seconds = Number(draft.seconds)
  const double = twice(draft.tags)

  return {
    seconds:
      /^\d{1,5}$/.test(draft.seconds.trim()) && seconds >= 3600 && seconds <= 43_200
        ? ''
        : 'Give a whole number of 3,600 to 43,200 seconds.',
    boundary:
      !draft.boundary.trim() || /^arn:[^:]+:iam::[^:]*:policy\/./.test(draft.boundary.trim())
        ? ''
        : 'Give the ARN of a managed policy, or nothing.',
    tags: draft.tags.some((one) => !one.key)
      ? 'Each tag needs a key.'
      : double
        ? `Two tags have the key ${double}. Change or remove one.`
        : '',
  }
}

/** stepsOf returns the calls that make a draft of a role: only for what differs. */
export function stepsOf(role: Role, draft: Facts): Step[] {
  const RoleName = role.name
  const steps: Step[] = []
  const boundary = draft.boundary.trim()

  if (draft.description !== role.description || Number(draft.seconds) !== role.maxSession)
    steps.push({
      what: 'The description and the longest session',
      action: 'UpdateRole',
      input: { RoleName, Description: draft.description, MaxSessionDuration: draft.seconds.trim() },
    })
  if (boundary !== role.boundary)
    steps.push(
      boundary
        ? {
            what: 'The permissions boundary',
            action: 'PutRolePermissionsBoundary',
            input: { RoleName, PermissionsBoundary: boundary },
          }
        : { what: 'The permissions boundary', action: 'DeleteRolePermissionsBoundary', input: { RoleName } },
    )

  return [...steps, ...tagSteps(RoleName, role.tags, draft.tags)]
}

function tagSteps(RoleName: string, saved: Tag[], draft: TagRow[]): Step[] {
  const { set, unset } = tagChanges(
    Object.fromEntries(saved.map((tag) => [tag.Key, tag.Value])),
    Object.fromEntries(draft.map((row) => [row.key, row.value])),
  )
  const members = Object.entries(set).flatMap(([key, value], n) => [
    [`Tags.member.${n + 1}.Key`, key],
    [`Tags.member.${n + 1}.Value`, value],
  ])
  const steps: Step[] = []

  if (unset.length > 0) steps.push({ what: 'The tags', action: 'UntagRole', input: { RoleName, TagKeys: unset } })
  if (members.length > 0)
    steps.push({ what: 'The tags', action: 'TagRole', input: { RoleName, ...Object.fromEntries(members) } })

  return steps
}
