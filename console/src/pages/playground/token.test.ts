import { describe, expect, test } from 'vitest'
import { loginFor, prove, read, type PublishedKey } from './token'

const encode = (value: object | ArrayBuffer) =>
  Buffer.from(value instanceof ArrayBuffer ? new Uint8Array(value) : JSON.stringify(value)).toString('base64url')

async function made(
  alg: string,
  params: RsaHashedKeyGenParams | EcKeyGenParams,
  signs: AlgorithmIdentifier | EcdsaParams,
) {
  const pair = (await crypto.subtle.generateKey(params, true, ['sign', 'verify'])) as CryptoKeyPair
  const head = `${encode({ alg, kid: 'k1' })}.${encode({ iss: 'https://a.example', name: 'Zoë' })}`
  const signature = await crypto.subtle.sign(signs, pair.privateKey, new TextEncoder().encode(head))
  const key: PublishedKey = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), kid: 'k1', alg }

  return { token: `${head}.${encode(signature)}`, key }
}

const rsa = (hash: string) => ({
  name: 'RSASSA-PKCS1-v1_5',
  hash,
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
})

describe('prove', () => {
  test.each([
    ['RS256', rsa('SHA-256'), 'RSASSA-PKCS1-v1_5'],
    ['RS512', rsa('SHA-512'), 'RSASSA-PKCS1-v1_5'],
    ['ES256', { name: 'ECDSA', namedCurve: 'P-256' }, { name: 'ECDSA', hash: 'SHA-256' }],
  ] as const)('%s', async (alg, params, signs) => {
    const { token, key } = await made(alg, params, signs)
    expect(await prove(token, [key])).toMatchObject({ ok: true, kid: 'k1', alg })

    const [head, , signature] = token.split('.')
    const changed = `${head}.${encode({ iss: 'https://b.example' })}.${signature}`
    expect(await prove(changed, [key])).toMatchObject({ ok: false })
    expect(await prove(token, [{ ...key, kid: 'k2' }])).toMatchObject({ ok: false })
    expect(await prove(token, [{ ...key, alg: 'none' }])).toMatchObject({ ok: false })
  })

  test('a token without a signature proves nothing', async () => {
    const token = `${encode({ alg: 'none', kid: 'k1' })}.${encode({})}.`
    expect(await prove(token, [{ kid: 'k1', kty: 'RSA' }])).toMatchObject({ ok: false })
    expect(await prove('no token', [])).toMatchObject({ ok: false })
  })
})

test('read takes UTF-8, and refuses what is no JWT', () => {
  const token = `${encode({ alg: 'RS256' })}.${encode({ name: 'Zoë' })}.x`
  expect(read(token)?.claims).toEqual({ name: 'Zoë' })
  for (const bad of ['', 'a.b', 'a.b.c', `${encode([1])}.${encode({})}.x`]) expect(read(bad)).toBeNull()
})

test('the issuer tells the login key', () => {
  const token = `${encode({})}.${encode({ iss: 'https://a.example/' })}.x`
  expect(loginFor(token, ['b.example', 'a.example'])).toBe('a.example')
  expect(loginFor(token, ['b.example'])).toBe('')
})
