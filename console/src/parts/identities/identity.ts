// Identities as the admin API shows them, and the question that a search asks.

export interface Login {
  ProviderName: string
  Subject: string
  Kind: 'public' | 'developer'
}

export interface Identity {
  IdentityId: string
  IdentityPoolId: string
  Disabled: boolean
  MergedTo?: string
  Logins: Login[] | null
  CreationDate?: number
  LastModifiedDate?: number
}

export interface Search {
  pool: string
  provider: string
  text: string
}

const identityId = /^[a-z]{2}(-[a-z]+)+-\d:[0-9a-f]{4}[0-9a-f-]*$/i

/** question returns the input of SearchIdentities; a string tells what is missing. */
export function question({ pool, provider, text }: Search): Record<string, string> | string {
  const wanted = text.trim()
  if (wanted === '') return pool ? { IdentityPoolId: pool } : 'Choose a pool, or enter the beginning of an identity ID.'
  if (provider) {
    return pool
      ? { IdentityPoolId: pool, ProviderName: provider, Subject: wanted }
      : 'A login belongs to one pool: choose the pool.'
  }
  if (!identityId.test(wanted)) {
    return 'This is not the beginning of an identity ID. To find a user by their subject, choose the provider.'
  }

  return { ...(pool ? { IdentityPoolId: pool } : {}), IdentityIdPrefix: wanted.toLowerCase() }
}
