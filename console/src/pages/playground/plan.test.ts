import { describe, expect, test } from 'vitest'
import { accepted } from './pool'
import { calls, samples, type Flow } from '../../parts/code/samples'
import { claimsOf, codeOf, from, HIDDEN, masked, plan, ready, tally, type Who } from './plan'

const ids = (who: Who, classic: boolean) => plan(who, classic).map((step) => step.id)

describe('plan', () => {
  test('each way has its calls in their order', () => {
    expect(ids('guest', false)).toEqual(['getid', 'openid', 'credentials', 'caller'])
    expect(ids('guest', true)).toEqual(['getid', 'openid', 'assume', 'caller'])
    expect(ids('dev', false)).toEqual(['mint', 'getid', 'openid', 'credentials', 'caller'])
    expect(ids('saml', true)).toEqual(['getid', 'credentials', 'caller'])
    expect(ids('backend', false)).toEqual(['developer', 'credentials', 'caller'])
    expect(ids('backend', true)).toEqual(['developer', 'assume', 'caller'])
  })

  test('a pool that gives no token is asked for one by the classic flow alone', () => {
    expect(plan('guest', false, false).map((step) => step.id)).toEqual(['getid', 'credentials', 'caller'])
    expect(plan('guest', true, false).map((step) => step.id)).toEqual(['getid', 'openid', 'assume', 'caller'])
  })

  test('only the enhanced flow does without GetOpenIdToken', () => {
    const enhanced = plan('token', false)
    const classic = plan('token', true)
    const states = { getid: 'passed', openid: 'refused' } as const

    expect(ready(enhanced, states, 'credentials')).toBe(true)
    expect(ready(classic, states, 'assume')).toBe(false)
    expect(ready(enhanced, {}, 'getid')).toBe(true)
    expect(ready(enhanced, {}, 'openid')).toBe(false)
    expect(ready(enhanced, states, 'caller')).toBe(false)
  })

  test('a step that runs again ends those after it', () => {
    expect(from(plan('guest', false), 'openid')).toEqual(['openid', 'credentials', 'caller'])
  })

  test('the tally tells the refused step', () => {
    const steps = plan('guest', false)

    expect(tally(steps, {})).toBe('')
    expect(tally(steps, { getid: 'refused' })).toContain('GetId was refused. 0 of 4')
    expect(tally(steps, { getid: 'passed', openid: 'passed', credentials: 'passed', caller: 'passed' })).toContain(
      'all 4',
    )
    expect(tally(steps, { getid: 'passed', openid: 'refused', credentials: 'passed', caller: 'passed' })).toContain(
      'The sign-in works. GetOpenIdToken was refused',
    )
  })

  test('every call of a sign-in has code that makes it', () => {
    const values = {
      pool: 'us-east-1:1',
      endpoint: 'https://id.example.com',
      login: 'a.example',
      role: 'arn:aws:iam::1:role/A',
    }

    for (const who of ['guest', 'dev', 'token', 'saml', 'backend'] satisfies Who[])
      for (const classic of [false, true])
        for (const step of plan(who, classic)) {
          const code = codeOf(who, classic, step.id)
          const about = `${who} ${classic} ${step.operation}`
          if (step.id === 'mint') expect(code, about).toBeUndefined()
          else
            for (const { language, text } of samples(code as Flow, values))
              expect(
                text.split('\n').filter((line) => calls(line, step.operation)),
                `${about} ${language}`,
              ).toHaveLength(1)
        }
  })
})

describe('masked', () => {
  test('hides tokens and keys, at any depth', () => {
    const made = masked(
      {
        IdentityId: 'us-east-1:1',
        Logins: { 'a.example': 'eyJ.secret', 'app.example': 'ann' },
        Credentials: { AccessKeyId: 'ASIA1', SecretKey: 'secret', SessionToken: 'secret' },
        Result: [{ WebIdentityToken: 'secret' }],
      },
      new Set(['app.example']),
    )

    expect(JSON.stringify(made)).not.toContain('secret"')
    expect(made).toMatchObject({
      IdentityId: 'us-east-1:1',
      Logins: { 'a.example': HIDDEN, 'app.example': 'ann' },
      Credentials: { AccessKeyId: 'ASIA1', SecretKey: HIDDEN },
    })
  })
})

test('claims are an object', () => {
  expect(claimsOf(' ')).toEqual({ claims: {} })
  expect(claimsOf('{"a": [1]}')).toEqual({ claims: { a: [1] } })
  expect(claimsOf('[1]')).toHaveProperty('fault')
  expect(claimsOf('{')).toHaveProperty('fault')
})

test('a pool tells whom it accepts', () => {
  expect(
    accepted({
      AllowUnauthenticatedIdentities: false,
      OpenIdConnectProviderARNs: ['arn:aws:iam::000000000000:oidc-provider/a.example/x'],
      SupportedLoginProviders: { 'graph.facebook.com': '1' },
      CognitoIdentityProviders: [{ ProviderName: 'p' }, { ProviderName: 'p' }],
    }),
  ).toEqual({
    guests: false,
    classic: true,
    logins: ['p', 'a.example/x', 'graph.facebook.com'],
    saml: [],
    developer: '',
  })
})
