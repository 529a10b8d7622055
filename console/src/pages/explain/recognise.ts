// One field takes everything: what a text is, by its form alone. Whether it is valid the server decides.

export type Kind = 'request' | 'token' | 'encrypted' | 'saml' | 'key' | 'id' | 'empty' | 'unknown'

export interface Recognised {
  kind: Kind
  value: string // without what is around it, such as quotes or Bearer
}

/** LONGEST is the longest credential that the server reads. */
export const LONGEST = 50_000

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const part = '[A-Za-z0-9_-]+'
const forms: [Kind, RegExp][] = [
  ['request', new RegExp(`^${uuid}$`, 'i')],
  ['id', new RegExp(`^[a-z]{2,}(-[a-z0-9]+)+:${uuid}$`, 'i')],
  ['key', /^(AKIA|ASIA)[A-Z0-9]{12,28}$/],
  ['token', new RegExp(`^eyJ${part}\\.${part}\\.${part}$`)],
  ['encrypted', new RegExp(`^eyJ${part}(\\.[A-Za-z0-9_-]*){4}$`)],
]

/** recognise returns what a text is. */
export function recognise(text: string): Recognised {
  const value = bare(text)
  if (!value) return { kind: 'empty', value }
  if (value.length > LONGEST) return { kind: 'unknown', value }

  for (const [kind, form] of forms) if (form.test(value)) return { kind, value }

  const response = saml(value)
  return response ? { kind: 'saml', value: response } : { kind: 'unknown', value }
}

// bare takes away what people copy along: blanks, quotes, a header's name.
function bare(text: string): string {
  return text
    .trim()
    .replace(/^(authorization:\s*)?bearer\s+/i, '')
    .replace(/^(x-amzn-requestid|SAMLResponse)\s*[:=]\s*/i, '')
    .replace(/^["'`](.*)["'`]$/s, '$1')
    .trim()
}

// saml returns a SAML response in Base64 without line ends; '' if the text is none. Forms send it with % escapes.
function saml(text: string): string {
  let base64 = text.replace(/\s+/g, '')
  if (/%[0-9a-f]{2}/i.test(base64)) {
    try {
      base64 = decodeURIComponent(base64)
    } catch {
      return ''
    }
  }
  if (!/^[A-Za-z0-9+/]{40,}={0,2}$/.test(base64)) return ''

  try {
    const start = atob(base64.slice(0, 400 - (400 % 4)).replace(/=+$/, ''))
    return /^\s*(<\?xml[^>]*>\s*)?<([\w-]+:)?Response[\s>]/.test(start) ? base64 : ''
  } catch {
    return ''
  }
}

/** named is the sentence below the field. */
export const named: Record<Kind, string> = {
  empty: 'Tokens are checked and forgotten; nobody is signed in.',
  request: 'A request ID. Look it up to see why the call was refused.',
  token: 'A token. It is checked at every pool and forgotten; nobody is signed in.',
  encrypted: 'An encrypted token. The server can only tell that it is one.',
  saml: 'A SAML response. It is checked at every pool and forgotten; nobody is signed in.',
  key: 'An access key ID. The list shows the refusals of its calls.',
  id: 'The ID of an identity or of a pool.',
  unknown:
    'Not recognised. Accepted are a request ID, a token, a SAML response in Base64, an access key ID, an identity ID and a pool ID.',
}
