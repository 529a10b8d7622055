// The SAML provider of a development server. IAM does not list it, because it is nobody's to change; pools may have it.

import type { DevInfo } from '../../frame/session.svelte'

/** withBuiltIn adds the provider of a development server to those that IAM lists. */
export function withBuiltIn(arns: string[], dev: Pick<DevInfo, 'oidc_provider_arn'> | null): string[] {
  if (!dev) return arns
  const own = dev.oidc_provider_arn.replace(/:oidc-provider\/.*$/, ':saml-provider/poolhouse-dev')

  return arns.includes(own) ? arns : [...arns, own]
}
