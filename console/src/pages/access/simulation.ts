// What the policy simulator is asked, and what it answers.

import type { Element } from '../../parts/xml'

export interface Entry {
  key: string
  type: string
  values: string // several are split by commas; none means that the key is absent
}

/** contextInput writes the entries of a request. Entries without a key are left out. */
export function contextInput(entries: Entry[]): Record<string, string> {
  const out: Record<string, string> = {}
  entries
    .filter((entry) => entry.key.trim())
    .forEach((entry, n) => {
      const prefix = `ContextEntries.member.${n + 1}`
      const values = entry.values
        .split(',')
        .map((value) => value.trim())
        .filter(Boolean)
      out[`${prefix}.ContextKeyName`] = entry.key.trim()
      out[`${prefix}.ContextKeyType`] = values.length > 1 ? `${entry.type}List` : entry.type
      values.forEach((value, m) => (out[`${prefix}.ContextKeyValues.member.${m + 1}`] = value))
    })

  return out
}

export interface Matched {
  policy: string
  type: string
  start: { line: number; column: number }
  end: { line: number; column: number }
}

export interface Decision {
  action: string
  resource: string
  decision: string
  matched: Matched[]
  missing: string[]
  boundary: boolean | null // whether the permissions boundary allows it; null without one
}

/** readDecisions reads an answer: one decision for each action and resource. */
export function readDecisions(result: Element): Decision[] {
  return result.list('EvaluationResults').flatMap((one) => {
    const action = one.of('EvalActionName')
    const each = one.list('ResourceSpecificResults')
    if (each.length === 0) return [decision(one, action, one.of('EvalResourceName'), one.of('EvalDecision'))]

    return each.map((part) => decision(part, action, part.of('EvalResourceName'), part.of('EvalResourceDecision')))
  })
}

function decision(from: Element, action: string, resource: string, decided: string): Decision {
  const boundary = from.child('PermissionsBoundaryDecisionDetail')?.of('AllowedByPermissionsBoundary')

  return {
    action,
    resource,
    decision: decided,
    matched: from.list('MatchedStatements').map((one) => ({
      policy: one.of('SourcePolicyId'),
      type: one.of('SourcePolicyType'),
      start: position(one.child('StartPosition')),
      end: position(one.child('EndPosition')),
    })),
    missing: from.list('MissingContextValues').map((one) => one.text),
    boundary: boundary ? boundary === 'true' : null,
  }
}

const position = (from: Element | undefined) => ({
  line: Number(from?.of('Line') ?? 1),
  column: Number(from?.of('Column') ?? 1),
})

const words: Record<string, string> = {
  allowed: 'Allowed',
  explicitDeny: 'Refused: a statement denies it',
  implicitDeny: 'Refused: no statement allows it',
}

export const decisionWords = (decided: string): string => words[decided] ?? decided
