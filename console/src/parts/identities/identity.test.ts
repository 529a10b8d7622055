import { expect, it } from 'vitest'
import { question } from './identity'

const id = 'us-east-1:12345678-0000-4000-8000-000000000001'

it.each([
  [{ pool: 'p', provider: '', text: ' ' }, { IdentityPoolId: 'p' }],
  [
    { pool: 'p', provider: 'google', text: ' alice ' },
    { IdentityPoolId: 'p', ProviderName: 'google', Subject: 'alice' },
  ],
  [{ pool: '', provider: '', text: id.toUpperCase() }, { IdentityIdPrefix: id }],
  [
    { pool: 'p', provider: '', text: 'us-east-1:1234' },
    { IdentityPoolId: 'p', IdentityIdPrefix: 'us-east-1:1234' },
  ],
])('asks for %j', (search, input) => expect(question(search)).toEqual(input))

it.each([
  { pool: '', provider: '', text: '' },
  { pool: '', provider: 'google', text: 'alice' },
  { pool: 'p', provider: '', text: 'alice' },
  { pool: 'p', provider: '', text: 'us-east-1:12' },
])('tells what %j lacks', (search) => expect(typeof question(search)).toBe('string'))
