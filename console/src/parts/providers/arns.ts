// The providers that a pool may have, by their ARNs.

import { session, type DevInfo } from '../../frame/session.svelte'
import { iam } from '../iam'

/** oidcARNs reads the OpenID Connect providers of the account. */
export const oidcARNs = (signal: AbortSignal): Promise<string[]> =>
  arns('ListOpenIDConnectProviders', 'OpenIDConnectProviderList', signal)

/** samlARNs reads the SAML providers of the account. */
export const samlARNs = async (signal: AbortSignal): Promise<string[]> =>
  withBuiltIn(await arns('ListSAMLProviders', 'SAMLProviderList', signal), session.dev)

async function arns(action: string, list: string, signal: AbortSignal): Promise<string[]> {
  const answer = await iam(action, {}, signal)

  return answer.list(list).map((one) => one.of('Arn'))
}

/**
 * withBuiltIn adds the SAML provider of a development server to those that IAM lists. IAM leaves it out, because it is
 * nobody's to change; pools may have it.
 */
export function withBuiltIn(arns: string[], dev: Pick<DevInfo, 'oidc_provider_arn'> | null): string[] {
  if (!dev) return arns
  const own = dev.oidc_provider_arn.replace(/:oidc-provider\/.*$/, ':saml-provider/poolhouse-dev')

  return arns.includes(own) ? arns : [...arns, own]
}

/** loginOf returns the key of Logins for a provider's ARN. */
export function loginOf(arn: string): string {
  return /^arn:[^:]+:iam::[^:]*:oidc-provider\/(.+)$/.exec(arn)?.[1] ?? arn
}
