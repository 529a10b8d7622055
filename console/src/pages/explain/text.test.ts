import { expect, test } from 'vitest'
import { asText, command } from './text'
import { load } from '../../texts/reason.svelte'

await load()

test('a refusal as text has its checks, and shows hidden characters', () => {
  const text = asText(
    {
      RequestId: 'r1',
      Time: 0,
      Operation: 'GetId',
      Outcome: 'NotAuthorizedException',
      Reason: 'token-audience',
      Message: 'Invalid login token.',
      Node: 'a',
      Client: 'other\u202eapp',
      Steps: [
        { Code: 'pool', Check: 'pool', OK: true, Got: 'found' },
        {
          Code: 'token-audience',
          Check: 'token audience',
          Provider: 'p',
          OK: false,
          Expected: 'shop',
          Got: 'other-app',
        },
      ],
      Planned: ['token-signature'],
    },
    'shop-mobile',
  )

  expect(text).toBe(`The token was made for another client
The token is for other-app. The server accepts shop.
What to change: Compare what the app was told with what it sent; the checks are below.

Time: 1970-01-01T00:00:00.000Z
Operation: GetId
Request: r1
Pool: shop-mobile
Client: other\\u{202e}app
Node: a
Reason: token-audience
App was told: NotAuthorizedException: Invalid login token.

Checks:
- passed Pool: found
- REFUSED Token audience [p]: expected shop; got other-app
- not reached Token signature`)
})

test('the command takes only an ID that a shell leaves as it is', () => {
  expect(command('3b2f-1', 'http://h/')).toBe('poolhouse explain 3b2f-1 --endpoint http://h/')
  expect(command('$(x)', 'http://h/')).toBe('')
})
