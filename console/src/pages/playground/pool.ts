// What a pool accepts, as far as the playground needs it.

export interface Described {
  AllowUnauthenticatedIdentities: boolean
  AllowClassicFlow?: boolean
  SupportedLoginProviders?: Record<string, string>
  DeveloperProviderName?: string
  OpenIdConnectProviderARNs?: string[]
  CognitoIdentityProviders?: { ProviderName: string }[]
  SamlProviderARNs?: string[]
}

export interface Accepted {
  guests: boolean
  classic: boolean
  logins: string[] // of tokens
  saml: string[]
  developer: string
}

/** accepted returns who may sign in at a pool, by the keys of Logins. */
export function accepted(pool: Described): Accepted {
  const logins = [
    ...(pool.CognitoIdentityProviders ?? []).map((one) => one.ProviderName),
    ...(pool.OpenIdConnectProviderARNs ?? []).map((arn) => /:oidc-provider\/(.+)$/.exec(arn)?.[1] ?? arn),
    ...Object.keys(pool.SupportedLoginProviders ?? {}),
  ]

  return {
    guests: pool.AllowUnauthenticatedIdentities,
    classic: pool.AllowClassicFlow ?? true,
    logins: [...new Set(logins)],
    saml: pool.SamlProviderARNs ?? [],
    developer: pool.DeveloperProviderName ?? '',
  }
}
