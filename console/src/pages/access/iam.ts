// What these pages read of IAM.

import type { Element } from '../../parts/xml'
import { iam, partitionOf, type Input } from '../../parts/iam'
import { listed, type Listed } from '../../parts/listed'

/** listAll reads the pages of a list, as many as the console shows at once. */
export function listAll<T>(
  action: string,
  name: string,
  read: (element: Element) => T,
  input: Input = {},
  signal?: AbortSignal,
): Promise<Listed<T>> {
  return listed(async (marker) => {
    const page = await iam(action, { ...input, MaxItems: 200, Marker: marker }, signal)

    return { items: page.list(name).map(read), next: page.of('IsTruncated') === 'true' ? page.of('Marker') : '' }
  })
}

/** fromFile reports whether a thing comes from the settings file: the API gives such things the date of 1970. */
export function fromFile(created: string): boolean {
  return Date.parse(created) === 0
}

export interface Tag {
  Key: string
  Value: string
}

const tagsOf = (element: Element): Tag[] =>
  element.list('Tags').map((tag) => ({ Key: tag.of('Key'), Value: tag.of('Value') }))

export interface Role {
  name: string
  path: string
  arn: string
  created: string
  description: string
  trust: string
  maxSession: number
  boundary: string
  tags: Tag[]
}

/** readRole reads a role. Its trust policy is percent-encoded, as at AWS. */
export function readRole(element: Element): Role {
  return {
    name: element.of('RoleName'),
    path: element.of('Path'),
    arn: element.of('Arn'),
    created: element.of('CreateDate'),
    description: element.of('Description'),
    trust: decoded(element.of('AssumeRolePolicyDocument')),
    maxSession: Number(element.of('MaxSessionDuration')),
    boundary: element.child('PermissionsBoundary')?.of('PermissionsBoundaryArn') ?? '',
    tags: tagsOf(element),
  }
}

export interface OIDCProvider {
  arn: string
  url: string
  clients: string[]
  thumbprints: string[]
  created: string
  tags: Tag[]
}

export async function readOIDC(arn: string, signal?: AbortSignal): Promise<OIDCProvider> {
  const found = await iam('GetOpenIDConnectProvider', { OpenIDConnectProviderArn: arn }, signal)
  const url = found.of('Url')

  return {
    arn,
    url: url.includes('://') ? url : `https://${url}`,
    clients: found.list('ClientIDList').map((one) => one.text),
    thumbprints: found.list('ThumbprintList').map((one) => one.text),
    created: found.of('CreateDate'),
    tags: tagsOf(found),
  }
}

export interface SAMLProvider {
  arn: string
  metadata: string
  created: string
  validUntil: string
  tags: Tag[]
}

export async function readSAML(arn: string, signal?: AbortSignal): Promise<SAMLProvider> {
  const found = await iam('GetSAMLProvider', { SAMLProviderArn: arn }, signal)

  return {
    arn,
    metadata: found.of('SAMLMetadataDocument'),
    created: found.of('CreateDate'),
    validUntil: found.of('ValidUntil'),
    tags: tagsOf(found),
  }
}

/** readManaged returns the text of a managed policy, as it is in force. */
export async function readManaged(arn: string, signal?: AbortSignal): Promise<string> {
  const policy = (await iam('GetPolicy', { PolicyArn: arn }, signal)).child('Policy')
  const version = await iam(
    'GetPolicyVersion',
    { PolicyArn: arn, VersionId: policy?.of('DefaultVersionId') ?? 'v1' },
    signal,
  )

  return decoded(version.child('PolicyVersion')?.of('Document') ?? '')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export { decoded }

/** arnOf returns the ARN that a route names: itself, or the name of a provider of the account. */
export function arnOf(kind: 'oidc-provider' | 'saml-provider', name: string, region: string, account: string): string {
  if (name.startsWith('arn:')) return name

  return `arn:${partitionOf(region)}:iam::${account}:${kind}/${name}`
}

/** nameOf returns the name at the end of a provider's ARN. An issuer's has slashes. */
export function nameOf(arn: string): string {
  return arn.replace(/^arn:[^:]*:iam::\d*:(?:oidc|saml)-provider\//, '')
}

/** lines reads one value a line; each once. */
export function lines(text: string): string[] {
  return [...new Set(text.split('\n').map((one) => one.trim()))].filter(Boolean)
}
