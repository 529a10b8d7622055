// Tokens as the browser reads and proves them.

export interface Read {
  header: { alg?: string; kid?: string; typ?: string }
  claims: Record<string, unknown>
}

function bytes(part: string): Uint8Array<ArrayBuffer> {
  const text = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(text, (one) => one.charCodeAt(0))
}

function object(part: string): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes(part)))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('no object')

  return value as Record<string, unknown>
}

/** read returns what a JWT has; null if it is none. Nothing of it is proven. */
export function read(token: string): Read | null {
  const parts = token.trim().split('.')
  if (parts.length !== 3) return null
  try {
    return { header: object(parts[0] ?? ''), claims: object(parts[1] ?? '') }
  } catch {
    return null
  }
}

type Proof = { ok: true; kid: string; alg: string; ms: number } | { ok: false; why: string }

interface Algorithm {
  imports: RsaHashedImportParams | EcKeyImportParams | { name: 'Ed25519' }
  verifies: AlgorithmIdentifier | EcdsaParams | RsaPssParams
}

function algorithm(alg: string): Algorithm | null {
  const size = /^(RS|PS|ES)(256|384|512)$/.exec(alg)
  const hash = `SHA-${size?.[2]}`

  switch (size?.[1] ?? alg) {
    case 'RS':
      return { imports: { name: 'RSASSA-PKCS1-v1_5', hash }, verifies: 'RSASSA-PKCS1-v1_5' }
    case 'PS':
      return {
        imports: { name: 'RSA-PSS', hash },
        verifies: { name: 'RSA-PSS', saltLength: Number(size?.[2]) / 8 },
      }
    case 'ES':
      return {
        imports: { name: 'ECDSA', namedCurve: size?.[2] === '512' ? 'P-521' : `P-${size?.[2]}` },
        verifies: { name: 'ECDSA', hash },
      }
    case 'EdDSA':
      return { imports: { name: 'Ed25519' }, verifies: { name: 'Ed25519' } }
  }

  return null
}

export interface PublishedKey extends JsonWebKey {
  kid?: string
}

/**
 * prove verifies a token with the key that its kid names. The published key tells the algorithm, so that a token cannot
 * choose another one.
 */
export async function prove(token: string, keys: PublishedKey[]): Promise<Proof> {
  const found = read(token)
  if (!found) return { ok: false, why: 'The token is no JWT.' }

  const { kid = '', alg = '' } = found.header
  const key = keys.find((one) => one.kid === kid)
  if (!key) return { ok: false, why: `The published keys have none with the ID ${kid || '(none)'}.` }
  if (key.alg && key.alg !== alg) return { ok: false, why: `The token names ${alg}, its key is for ${key.alg}.` }

  const how = algorithm(alg)
  if (!how) return { ok: false, why: `This browser page knows no ${alg || 'algorithm'}.` }

  const [header, claims, signature] = token.trim().split('.')
  const begun = performance.now()
  try {
    const imported = await crypto.subtle.importKey('jwk', key, how.imports, false, ['verify'])
    const ok = await crypto.subtle.verify(
      how.verifies,
      imported,
      bytes(signature ?? ''),
      new TextEncoder().encode(`${header}.${claims}`),
    )
    if (!ok) return { ok: false, why: 'The signature does not fit the published key.' }
  } catch (error) {
    return { ok: false, why: `The signature cannot be verified: ${(error as Error).message || 'bad key or signature'}` }
  }

  return { ok: true, kid, alg, ms: performance.now() - begun }
}

/** loginFor returns which of a pool's logins a token is for, by its issuer; '' if none. */
export function loginFor(token: string, logins: string[]): string {
  const issuer = read(token)?.claims.iss
  if (typeof issuer !== 'string') return ''
  const plain = issuer.replace(/^https?:\/\//, '')

  return logins.find((login) => login === plain || login === plain.replace(/\/$/, '')) ?? ''
}
