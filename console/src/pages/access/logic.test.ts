import { expect, it } from 'vitest'
import { parseXML } from '../../parts/xml'
import { arnOf, fromFile, lines, nameOf, readRole } from './iam'
import { excerpt, faultAt, refusedBy, spread, statements, trusted, trustFor } from './policy'
import { contextInput, decisionWords, readDecisions } from './simulation'

const broken = '{"Version":"2012-10-17",\n "Statement":[{"Effect":"Allow" "Principal":"*"}]}'
const unknown = '{"Version":"2012-10-17",\n "Statement":[{"Effect":"Allow"},\n  {"Effect":"Allow", "Principl":"*"}]}'

it.each([
  [broken, 'Statement[0]: not JSON at byte 57: invalid character', { line: 2, column: 33, at: 57 }],
  [`{"é":\n!`, 'not JSON at byte 7: invalid character', { line: 2, column: 1, at: 6 }],
  [unknown, 'Statement[1]: unknown element "Principl"', { line: 3, column: 22, at: unknown.indexOf('"Principl"') }],
  [unknown, 'PolicyInputList.1: Statement[0]: Action is missing', { line: 2, column: 15, at: 39 }],
  ['{"Statement":{"Effect":"x"}}', 'Statement: Effect "x"', { line: 1, column: 24, at: 23 }],
])('finds the fault of %j', (text, message, place) => expect(faultAt(text, message)).toEqual(place))

it('finds no fault where the message names none', () => {
  expect(faultAt(unknown, 'too long')).toBeNull()
  expect(faultAt(unknown, 'Statement[7]: no')).toBeNull()
})

it('finds statements', () => {
  const cut = (text: string) => statements(text).map((one) => text.slice(one.from, one.to))
  expect(cut('{"Statement":[{"a":[{}]},{"b":"}"}],"Id":"x"}')).toEqual(['{"a":[{}]}', '{"b":"}"}'])
  expect(cut('{"Statement": {"a":{"Statement":[{}]}}, "x":{}}')).toEqual(['{"a":{"Statement":[{}]}}'])
  expect(cut('{"Statement":[{"a":1},{"b"')).toEqual(['{"a":1}', '{"b"'])
  expect(cut('"Statement"')).toEqual([])
})

it('cuts a statement out by the places of the simulator', () => {
  expect(excerpt('ab\ncde\nfg', { line: 1, column: 2 }, { line: 3, column: 2 })).toBe('b\ncde\nf')
  expect(excerpt('abcd', { line: 1, column: 2 }, { line: 1, column: 4 })).toBe('bc')
  expect(excerpt('ab', { line: 4, column: 1 }, { line: 4, column: 2 })).toBe('')
})

it('spreads policies of one line only', () => {
  expect(spread('{"a":1}')).toBe('{\n  "a": 1\n}')
  expect(spread('{"a":\n1}')).toBe('{"a":\n1}')
  expect(spread('{"a')).toBe('{"a')
})

it('lists whom a role trusts', () => {
  const [one] = trusted(trustFor('guests', 'us-east-1:1', '0')) ?? []
  expect(one).toMatchObject({
    effect: 'Allow',
    except: false,
    who: [{ kind: 'Federated', name: 'cognito-identity.amazonaws.com' }],
    actions: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
  })
  expect(one?.conditions.map((condition) => condition.values)).toEqual([['us-east-1:1'], ['unauthenticated']])
  expect(trusted('{"Statement":{"Principal":"*","Action":"sts:*"}}')?.[0]?.who).toEqual([{ kind: '', name: '*' }])
  expect(trusted('[]')).toBeNull()
  expect(trusted('{')).toBeNull()
})

it('writes contexts', () => {
  expect(
    contextInput([
      { key: '', type: 'string', values: 'x' },
      { key: 'k', type: 'string', values: 'a, b' },
      { key: 'n', type: 'numeric', values: '' },
    ]),
  ).toEqual({
    'ContextEntries.member.1.ContextKeyName': 'k',
    'ContextEntries.member.1.ContextKeyType': 'stringList',
    'ContextEntries.member.1.ContextKeyValues.member.1': 'a',
    'ContextEntries.member.1.ContextKeyValues.member.2': 'b',
    'ContextEntries.member.2.ContextKeyName': 'n',
    'ContextEntries.member.2.ContextKeyType': 'numeric',
  })
})

it('reads roles, names and dates', () => {
  const role = readRole(
    parseXML(
      '<Role><RoleName>a</RoleName><AssumeRolePolicyDocument>%7B%22a%22%7D</AssumeRolePolicyDocument>' +
        '<Tags><member><Key>k</Key><Value>v</Value></member></Tags></Role>',
    ),
  )
  expect(role).toMatchObject({ name: 'a', trust: '{"a"}', tags: [{ Key: 'k', Value: 'v' }], boundary: '' })
  expect(fromFile('1970-01-01T00:00:00Z')).toBe(true)
  expect(fromFile('2026-01-01T00:00:00Z')).toBe(false)
  expect(arnOf('oidc-provider', 'a.example/b', 'cn-north-1', '1')).toBe('arn:aws-cn:iam::1:oidc-provider/a.example/b')
  expect(nameOf('arn:aws:iam::000000000000:oidc-provider/a.example/b')).toBe('a.example/b')
  expect(lines(' a \n\nb\na')).toEqual(['a', 'b'])
})

it('reads decisions', () => {
  const answer = parseXML(`<R><EvaluationResults><member><EvalActionName>s3:Get</EvalActionName>
    <EvalResourceName>*</EvalResourceName><EvalDecision>explicitDeny</EvalDecision><ResourceSpecificResults>
    <member><EvalResourceName>arn:a</EvalResourceName><EvalResourceDecision>allowed</EvalResourceDecision>
    <MatchedStatements><member><SourcePolicyId>P</SourcePolicyId><StartPosition><Line>2</Line><Column>3</Column>
    </StartPosition><EndPosition><Line>4</Line><Column>5</Column></EndPosition></member></MatchedStatements>
    <MissingContextValues><member>aws:x</member></MissingContextValues></member></ResourceSpecificResults>
    </member></EvaluationResults></R>`)
  expect(readDecisions(answer)).toEqual([
    {
      action: 's3:Get',
      resource: 'arn:a',
      decision: 'allowed',
      matched: [{ policy: 'P', type: '', start: { line: 2, column: 3 }, end: { line: 4, column: 5 } }],
      missing: ['aws:x'],
      boundary: null,
    },
  ])
  expect(decisionWords('implicitDeny')).toContain('no statement allows it')
})

it.each([
  ['Statement[1].Resource: none', 3, 39],
  ['Statement[0].Action: s3', 2, 33],
  ['Statement[0].Resource: x', 2, 50],
  ['Statement[1].Condition: none', 3, 1],
])('finds the place that a trace names: %s', (got, line, column) => {
  const text = `{"Statement": [
{"Effect":"Allow","Action":["x","s3"],"Resource":"x"},
{"Effect":"Allow","Action":["x","s3"],"Resource":[]}]}`
  expect(faultAt(text, got)).toMatchObject({ line, column })
  expect(refusedBy([{ Check: 'policy document', OK: false, Got: got, Fix: 'f' }])).toEqual({ place: got, fix: 'f' })
  expect(refusedBy([{ Check: 'permission', OK: false, Got: got }])).toBe(null)
})
