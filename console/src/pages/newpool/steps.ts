// The steps of a new pool, and what the server found wrong with them.

import { CallError } from '../../frame/client'
import { kinds, namesRole, roleARN, X, type Draft } from '../../parts/pool/types'

export const steps = [
  { id: 'access', words: 'Who may sign in', fields: ['AllowUnauthenticatedIdentities'] },
  { id: 'roles', words: 'Roles', fields: ['Roles', 'RoleMappings', 'PrincipalTags'] },
  {
    id: 'providers',
    words: 'Providers',
    fields: [
      'OpenIdConnectProviderARNs',
      'SamlProviderARNs',
      'CognitoIdentityProviders',
      'SupportedLoginProviders',
      'DeveloperProviderName',
    ],
  },
  { id: 'details', words: 'Details', fields: ['IdentityPoolName', 'AllowClassicFlow', 'IdentityPoolTags'] },
  { id: 'review', words: 'Review', fields: [] },
] as const

export type StepID = (typeof steps)[number]['id']

const labels: Record<string, string> = {
  AllowUnauthenticatedIdentities: 'Guests',
  Roles: 'Roles',
  RoleMappings: 'Rules',
  PrincipalTags: 'Principal tags',
  OpenIdConnectProviderARNs: 'OpenID Connect providers',
  SamlProviderARNs: 'SAML providers',
  CognitoIdentityProviders: 'User pools',
  SupportedLoginProviders: 'Google, Apple, Facebook, Amazon or X',
  DeveloperProviderName: 'Developer name',
  IdentityPoolName: 'Name',
  AllowClassicFlow: 'Classic flow',
  IdentityPoolTags: 'Tags of the pool',
}

/** labelOf returns the words of a field. */
export const labelOf = (field: string): string => (Object.hasOwn(labels, field) ? labels[field] : '') || 'The pool'

/** idOf returns the ID of a field's control. */
export const idOf = (field: string): string => `new-${field}`

/** stepOf returns the step that has a field; the last one if none has it. */
export function stepOf(field: string): StepID {
  return steps.find((step) => (step.fields as readonly string[]).includes(field))?.id ?? 'review'
}

export interface Violation {
  Operation: string
  Field?: string
  Error: string
  Message: string
  Fix?: string
}

export interface Warning {
  Code: string
  Field: string
  Message: string
  Fix: string
}

export interface Validation {
  Violations: Violation[] | null
  Warnings: Warning[] | null
}

export interface Fault {
  field: string
  text: string
  row?: number // of a list, from 1
  part?: string // of the row
}

const model = /^\d+ validation errors? detected: Value .* at '([^']*)' failed to satisfy constraint: (.*)$/s

/**
 * faultsOf makes sentences of violations, one for each place. What the API's model forbids is told by the cure alone:
 * its message has the value, which may be a secret.
 */
export function faultsOf(violations: Violation[], secrets: string[] = []): Fault[] {
  const seen = new Set<string>()
  const faults: Fault[] = []
  for (const one of violations) {
    const field = /^\w*/.exec(one.Field ?? '')?.[0] ?? '' // of PrincipalTags[0].IdentityProviderName, the list
    const found = model.exec(one.Message)
    const place = found?.[1] ?? one.Message
    if (seen.has(`${field} ${place}`)) continue

    seen.add(`${field} ${place}`)
    faults.push({
      field,
      text: masked(found ? modelText(found, one) : sentences(one.Message, one.Fix), secrets),
      ...placeOf(place),
    })
  }

  // Principal tags name the providers: a provider with a fault has it once.
  return faults.some((one) => stepOf(one.field) === 'providers')
    ? faults.filter((one) => one.field !== 'PrincipalTags')
    : faults
}

function modelText(found: RegExpExecArray, one: Violation): string {
  const constraint = found[2] ?? ''
  if (/must not be null/.test(constraint)) return 'Choose one.'
  if (/satisfy constraint: \[/.test(constraint))
    return 'Each value needs the length and the characters that the field names, with no blanks around it.'
  if (/regular expression/.test(constraint))
    return 'Use only the characters that the field names, with no blanks around them.'

  return sentences((one.Fix ?? constraint).replace(/^send /, 'give '))
}

const parts: Record<string, string> = { providerName: 'name', clientId: 'client' }

function placeOf(place: string): { row?: number; part?: string } {
  const found = /\.(\d+)\.member(?:\.(\w+))?$/.exec(place)
  if (!found) return {}
  const part = parts[found[2] ?? '']

  return { row: Number(found[1]), ...(part ? { part } : {}) }
}

const partWords: Record<string, string> = { name: 'user pool', client: 'app client' }

/** placeIn names where a fault is, as precisely as the server told: two faults of one row are told apart. */
export function placeIn(fault: Fault): string {
  const row = fault.row ? `row ${fault.row}` : ''

  return [labelOf(fault.field), row, partWords[fault.part ?? ''] ?? ''].filter(Boolean).join(', ')
}

function sentences(...texts: (string | undefined)[]): string {
  return texts
    .filter((text): text is string => !!text)
    .map((text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.'))
    .join(' ')
}

function masked(text: string, secrets: string[]): string {
  return secrets.filter(Boolean).reduce((shown, secret) => shown.split(secret).join('••••••'), text)
}

/** secretsOf lists what may not be shown. */
export const secretsOf = (draft: Draft): string[] =>
  draft.social.filter((row) => row.name === X).map((row) => row.secret.trim())

/** shownError returns a refusal without secrets: a message of the API's model has the value that it refuses. */
export function shownError(error: unknown, secrets: string[]): unknown {
  if (!(error instanceof CallError)) return error

  return new CallError(error.kind, masked(error.message, secrets), error.code, error.requestId, error.operation)
}

/** faultsIn returns the faults of one step; the last step has all. */
export function faultsIn(step: StepID, faults: Fault[]): Fault[] {
  return step === 'review' ? faults : faults.filter((one) => stepOf(one.field) === step)
}

/** warningsOf leaves out what is no fault: a role that does not exist because it is about to be made. */
export function warningsOf(warnings: Warning[], draft: Draft, account: string, region: string): Warning[] {
  const made = kinds
    .filter((kind) => draft.roles[kind].make)
    .map((kind) => roleARN(draft.roles[kind].name, account, region))

  return warnings.filter(
    (one) => !(one.Code === 'role-missing' && made.some((arn) => one.Message.includes(` ${arn}:`))),
  )
}

/**
 * ownFaults names what the server cannot see in the draft, because the draft cannot be written as the API's input: a
 * role without a name, two roles of one name, and two tags of one key.
 */
export function ownFaults(draft: Draft, twice: string): Fault[] {
  const faults: Fault[] = []
  const making = kinds.filter((kind) => draft.roles[kind].make)
  for (const kind of making)
    if (!namesRole(draft.roles[kind].name))
      faults.push({
        field: 'Roles',
        text: `The new role of ${kind === 'authenticated' ? 'signed-in users' : 'guests'} needs a name of 1–64 letters, digits and _ + = , . @ -.`,
      })
  if (making.length === 2 && draft.roles.authenticated.name === draft.roles.unauthenticated.name)
    faults.push({ field: 'Roles', text: 'The two new roles have one name. Give each its own.' })
  if (twice) faults.push({ field: 'IdentityPoolTags', text: `Two tags have the key ${twice}. Change or remove one.` })

  return faults
}
