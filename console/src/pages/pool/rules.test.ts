import { expect, it } from 'vitest'
import type { Provider } from './pool'
import { draftOf, faultsOf, move, row, settingsOf, triedOf, type RoleSettings } from './rules'

const provider: Provider = { kind: 'social', name: 'a', client: '1', login: 'a', rules: 'a' }
const saved: RoleSettings = {
  Roles: { authenticated: 'arn:1' },
  RoleMappings: {
    a: {
      Type: 'Rules',
      AmbiguousRoleResolution: 'Deny',
      RulesConfiguration: {
        Rules: [{ Claim: 'plan', MatchType: 'Equals', Value: ' pro', RoleARN: 'arn:2' }],
      },
    },
    gone: { Type: 'Token', AmbiguousRoleResolution: 'AuthenticatedRole' },
  },
}

it('saves an untouched draft as it was read', () => {
  expect(settingsOf(draftOf(saved, [provider, { ...provider, rules: 'b' }]))).toEqual(saved)
})

it('keeps rules in the draft while another type is chosen, and does not send them', () => {
  const draft = draftOf(saved, [provider])
  if (draft.mappings.a) draft.mappings.a.type = 'default'
  expect(settingsOf(draft).RoleMappings).not.toHaveProperty('a')
  expect(draft.mappings.a?.rules).toHaveLength(1)
})

it('moves within the list only', () => {
  expect(move([1, 2, 3], 1, -1)).toEqual([2, 1, 3])
  expect(move([1, 2, 3], 0, -1)).toEqual([1, 2, 3])
  expect(move([1, 2, 3], 2, 1)).toEqual([1, 2, 3])
})

it('names rules that are not complete', () => {
  const draft = draftOf(saved, [provider])
  expect(faultsOf(draft)).toEqual([])
  draft.mappings.a?.rules.push(row({ Claim: 'x' }))
  expect(faultsOf(draft)).toMatchObject([{ key: 'a', rule: 2 }])
  if (draft.mappings.a) draft.mappings.a.rules = []
  expect(faultsOf(draft)).toMatchObject([{ key: 'a', rule: 0 }])
})

it.each([
  ['{"a":1}', { Claims: { a: 1 } }],
  ['', { Claims: {} }],
  ['eyJh.eyJi.c-_', { Token: 'eyJh.eyJi.c-_' }],
  ['[1]', { fault: 'Claims are an object: they begin with { and end with }.' }],
])('reads %j', (text, want) => expect(triedOf(text)).toEqual(want))

it("tells the parser's text", () => expect(triedOf('{"a":')).toHaveProperty('fault'))
