import { beforeEach, expect, it, vi } from 'vitest'
import { Element } from '../../parts/xml'
import { emptyDraft } from '../../parts/pool/types'
import { nothing, perform, plan, undo, type Made } from './calls'

const client = vi.hoisted(() => {
  class CallError extends Error {
    constructor(readonly code: string) {
      super(code)
    }
  }
  return { CallError, call: vi.fn(), callQuery: vi.fn() }
})
vi.mock('../../frame/client', () => client)
vi.mock('../../parts/query', () => client)

beforeEach(() => {
  client.call.mockReset()
  client.callQuery.mockReset()
  client.call.mockResolvedValue({ IdentityPoolId: 'us-east-1:1' })
  client.callQuery.mockResolvedValue(new Element('Response'))
})

function full() {
  const draft = { ...emptyDraft(), name: 'shop', guests: true, sessionTags: true, oidc: ['arn:p'] }
  draft.roles.authenticated = { make: true, arn: '', name: 'shop-users' }
  draft.roles.unauthenticated = { make: false, arn: 'arn:aws:iam::1:role/Guest', name: '' }
  return draft
}

async function run(made: Made): Promise<Made> {
  let now = made
  for (const one of plan(full(), '1', 'us-east-1'))
    if (!now.done.includes(one.id)) now = await perform(one, full(), now, '1', 'us-east-1')
  return now
}

it('plans one call for a pool alone', () =>
  expect(plan(emptyDraft(), '1', 'us-east-1').map((one) => one.operation)).toEqual(['CreateIdentityPool']))

it('makes the pool, then its role, then the rest with its ID', async () => {
  const made = await run(nothing())
  expect(plan(full(), '1', 'us-east-1').map((one) => one.operation)).toEqual([
    'CreateIdentityPool',
    'CreateRole',
    'SetIdentityPoolRoles',
    'SetPrincipalTagAttributeMap',
  ])
  expect(made).toMatchObject({ pool: 'us-east-1:1', roles: ['shop-users'] })
  const form = client.callQuery.mock.calls[0]?.[1] as URLSearchParams
  expect(form.get('AssumeRolePolicyDocument')).toContain('us-east-1:1')
  expect(client.call.mock.calls.map((one): unknown => one[2])).toMatchObject([
    { IdentityPoolName: 'shop', AllowClassicFlow: false },
    {
      IdentityPoolId: 'us-east-1:1',
      Roles: { authenticated: 'arn:aws:iam::1:role/shop-users', unauthenticated: 'arn:aws:iam::1:role/Guest' },
    },
    { IdentityPoolId: 'us-east-1:1', IdentityProviderName: 'arn:p', UseDefaults: true },
  ])
})

it('goes on where it failed', async () => {
  const made = await run({ pool: 'us-east-1:1', roles: ['shop-users'], done: ['pool', 'role shop-users'] })
  expect(client.callQuery).not.toHaveBeenCalled()
  expect(client.call.mock.calls[0]?.[1]).toBe('SetIdentityPoolRoles')
  expect(made.done).toHaveLength(4)
})

it('deletes the pool and the roles that it made, and bears that they are gone', async () => {
  const seen: Made[] = []
  client.call.mockRejectedValue(new client.CallError('ResourceNotFoundException'))
  client.callQuery.mockRejectedValueOnce(new client.CallError('DeleteConflict'))
  const made = { pool: 'us-east-1:1', roles: ['shop-users'], done: ['pool', 'role shop-users'] }
  await expect(undo(made, (now) => seen.push(now))).rejects.toThrow('DeleteConflict')
  expect(seen).toEqual([{ pool: '', roles: ['shop-users'], done: [] }])
  await undo(seen[0] as Made, (now) => seen.push(now))
  expect(seen.at(-1)).toEqual(nothing())
  expect(client.call).toHaveBeenCalledTimes(1)
})
