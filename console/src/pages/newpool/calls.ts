// The calls that make a pool, in their order. What was done is kept, so that a run after a failure goes on there.

import { call, CallError } from '../../frame/client'
import { iam } from '../../parts/iam'
import { inputOf, kinds, rolesOf, tagMapsOf, trustOf, type Draft, type RoleKind } from '../../parts/pool/types'
import type { Validation } from './steps'

export interface Planned {
  id: string
  operation: string
  about: string // what it does, in words
}

/** Made is what exists already. */
export interface Made {
  pool: string // ID; '' = not made
  roles: string[] // names of roles that this run made
  done: string[] // IDs of calls
}

export const nothing = (): Made => ({ pool: '', roles: [], done: [] })

const whose: Record<RoleKind, string> = { authenticated: 'signed-in users', unauthenticated: 'guests' }

/**
 * validate returns what the server would refuse in a draft, and null for a key that may not ask. Such a key may make
 * pools all the same: the server checks what is made.
 */
export async function validate(input: object, signal?: AbortSignal): Promise<Validation | null> {
  try {
    return await call<Validation>('admin', 'ValidateIdentityPool', input, signal ? { signal } : {})
  } catch (why) {
    if (why instanceof CallError && why.kind === 'denied') return null
    throw why
  }
}

/** plan lists the calls of a draft. */
export function plan(draft: Draft, account: string, region: string): Planned[] {
  const calls: Planned[] = [{ id: 'pool', operation: 'CreateIdentityPool', about: 'makes the pool and its ID' }]
  for (const kind of kinds)
    if (draft.roles[kind].make)
      calls.push({
        id: `role ${draft.roles[kind].name}`,
        operation: 'CreateRole',
        about: `makes the role ${draft.roles[kind].name}, which only ${whose[kind]} of this pool can take`,
      })
  const set = Object.keys(rolesOf(draft, account, region)).map((kind) => whose[kind as RoleKind])
  if (set.length > 0)
    calls.push({ id: 'roles', operation: 'SetIdentityPoolRoles', about: `sets the role of ${set.join(' and of ')}` })
  for (const map of tagMapsOf(draft))
    calls.push({
      id: `tags ${map.IdentityProviderName}`,
      operation: 'SetPrincipalTagAttributeMap',
      about: `sets the default principal tags of ${map.IdentityProviderName}`,
    })

  return calls
}

/** perform makes one call of the plan, and returns what exists then. */
export async function perform(one: Planned, draft: Draft, made: Made, account: string, region: string): Promise<Made> {
  const next = { ...made, done: [...made.done, one.id] }

  switch (one.operation) {
    case 'CreateIdentityPool': {
      const answer = await call<{ IdentityPoolId: string }>('pools', one.operation, inputOf(draft))
      next.pool = answer.IdentityPoolId
      break
    }
    case 'CreateRole': {
      const kind = kinds.find((kind) => draft.roles[kind].make && one.id === `role ${draft.roles[kind].name}`)
      if (!kind) break
      const name = draft.roles[kind].name
      await iam('CreateRole', { RoleName: name, AssumeRolePolicyDocument: trustOf(made.pool, kind) })
      next.roles = [...made.roles, name]
      break
    }
    case 'SetIdentityPoolRoles':
      await call('pools', one.operation, { IdentityPoolId: made.pool, Roles: rolesOf(draft, account, region) })
      break
    case 'SetPrincipalTagAttributeMap': {
      const map = tagMapsOf(draft).find((map) => one.id === `tags ${map.IdentityProviderName}`)
      await call('pools', one.operation, { IdentityPoolId: made.pool, ...map })
      break
    }
  }

  return next
}

/**
 * undo deletes what a run made: the pool, and the roles that it made for it. What is gone already is no failure, so
 * that it can be called again after one.
 */
export async function undo(made: Made, progress: (now: Made) => void): Promise<void> {
  let now = made
  if (now.pool) {
    await unlessGone(call('pools', 'DeleteIdentityPool', { IdentityPoolId: now.pool }))
    now = { ...now, pool: '', done: [] }
    progress(now)
  }
  for (const name of made.roles) {
    await unlessGone(iam('DeleteRole', { RoleName: name }))
    now = { ...now, roles: now.roles.filter((one) => one !== name) }
    progress(now)
  }
}

async function unlessGone(deletion: Promise<unknown>): Promise<void> {
  try {
    await deletion
  } catch (failed) {
    if (!(failed instanceof CallError && /^(ResourceNotFoundException|NoSuchEntity)$/.test(failed.code))) throw failed
  }
}
