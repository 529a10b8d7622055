import { expect, it } from 'vitest'
import { emptyDraft, inputOf } from '../../parts/pool/types'
import { CallError } from '../../frame/client'
import { faultsIn, faultsOf, labelOf, ownFaults, shownError, stepOf, warningsOf } from './steps'

const violation = (Field: string, Message: string, Fix = '') => ({
  Operation: 'CreateIdentityPool',
  Field,
  Error: 'ValidationException',
  Message,
  Fix,
})
const broken = (value: string, at: string, constraint: string) =>
  `1 validation error detected: Value ${value} at '${at}' failed to satisfy constraint: ${constraint}`

it('has a step and words for every member that is sent', () => {
  const draft = {
    ...emptyDraft(),
    guests: true,
    developer: 'a',
    oidc: ['a'],
    saml: ['a'],
    social: [{ id: 1, name: 'a', app: 'a', secret: '' }],
    userPools: [{ id: 1, name: 'a', client: 'a', check: false }],
    tags: [{ id: 1, key: 'a', value: 'a' }],
  }
  const fields = [...Object.keys(inputOf(draft)), 'Roles', 'RoleMappings', 'PrincipalTags']
  expect(fields).toHaveLength(12)
  for (const field of fields) {
    expect(stepOf(field), field).not.toBe('review')
    expect(labelOf(field), field).not.toBe('The pool')
  }
})

it('tells a place once, and never the value', () => {
  const faults = faultsOf([
    violation('IdentityPoolName', broken("''", 'identityPoolName', 'length'), 'send at least 1 character'),
    violation('IdentityPoolName', broken("''", 'identityPoolName', 'pattern'), 'write the value in this form'),
    violation('AllowUnauthenticatedIdentities', broken('null', 'a', 'Member must not be null'), 'send it'),
    violation(
      'SupportedLoginProviders',
      broken("'{x=key;hush}'", 'supportedLoginProviders', 'Map value must satisfy constraint: [a, b]'),
      'one form',
    ),
    violation(
      'CognitoIdentityProviders',
      broken("'a-b'", 'cognitoIdentityProviders.2.member.clientId', 'regular expression x'),
      'digits',
    ),
    violation('SupportedLoginProviders', 'The app key;hush is bad.', 'change it'),
  ])
  expect(faults.map((one) => one.text)).toEqual([
    'Give at least 1 character.',
    'Choose one.',
    'Each value needs the length and the characters that the field names, with no blanks around it.',
    'Use only the characters that the field names, with no blanks around them.',
    'The app key;hush is bad. Change it.',
  ])
  expect(faults[3]).toMatchObject({ row: 2, part: 'client' })
  expect(faultsOf([violation('PrincipalTags[1].IdentityProviderName', 'No such provider.')])[0]?.field).toBe(
    'PrincipalTags',
  )
  expect(faultsOf([violation('a', 'The app key;hush is bad')], ['hush'])[0]?.text).toBe('The app key;•••••• is bad.')
})

it('gives a step its faults, and the last one all', () => {
  const faults = [
    { field: 'IdentityPoolName', text: '' },
    { field: 'Roles', text: '' },
    { field: '', text: '' },
  ]
  expect(faultsIn('details', faults)).toHaveLength(1)
  expect(faultsIn('access', faults)).toHaveLength(0)
  expect(faultsIn('review', faults)).toHaveLength(3)
})

it('does not warn of the absence of a role that it makes', () => {
  const draft = emptyDraft()
  draft.roles.authenticated = { make: true, arn: '', name: 'New' }
  const warning = (name: string) => ({
    Code: 'role-missing',
    Field: 'Roles',
    Message: `IAM has no role arn:aws:iam::1:role/${name}: nobody gets its credentials.`,
    Fix: '',
  })
  const left = warningsOf([warning('New'), warning('NewOther')], draft, '1', 'us-east-1')
  expect(left.map((one) => one.Message)).toEqual([warning('NewOther').Message])
})

it('finds what the input of the API cannot say', () => {
  const draft = emptyDraft()
  expect(ownFaults(draft, '')).toEqual([])
  draft.roles.authenticated = { make: true, arn: '', name: 'a b' }
  expect(ownFaults(draft, 'env').map((one) => one.field)).toEqual(['Roles', 'IdentityPoolTags'])
  draft.roles.authenticated.name = draft.roles.unauthenticated.name = 'same'
  draft.roles.unauthenticated.make = true
  expect(ownFaults(draft, '')[0]?.text).toContain('one name')
})

it('takes secrets out of refusals', () => {
  const shown = shownError(new CallError('refused', "Value '{x=key;hush}' is bad", 'ValidationException', 'r-1'), [
    'hush',
    '',
  ])
  expect(shown).toMatchObject({
    message: "Value '{x=key;••••••}' is bad",
    code: 'ValidationException',
    requestId: 'r-1',
  })
  const other = new Error('hush')
  expect(shownError(other, ['hush'])).toBe(other)
})
