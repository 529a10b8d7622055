// The decision of a call as the admin API's Explain, ExplainToken, TryRoles and TestProvider tell it.

export interface Link {
  Kind: string // identity-pool, identity, role, oidc-provider, saml-provider, access-key, setting
  Id?: string // its ID or ARN; of a setting the path; none for a pool that is not there yet
  Field?: string
  Add?: string // the value to add
  Source?: string // api or file
}

export interface Step {
  Code: string
  Provider?: string
  Check: string
  Subject?: string
  OK: boolean
  Expected?: string
  Got?: string
  Fix?: string
  Link?: Link
  Detail?: string
}

/** Refusal is a row of ListRefusals. */
export interface Refusal {
  RequestId: string
  Time: number
  Operation: string
  Outcome: string
  Reason: string
  Region?: string
  IdentityPoolId?: string
  ProviderName?: string
  Client?: string
  SourceAddress?: string
  AccessKeyId?: string
  KeyUnproven?: boolean
  Node: string
}

/** Explained is the answer of Explain. */
export interface Explained extends Refusal {
  Message: string
  Steps: Step[]
  Planned: string[]
}

/** deciding returns the step that decided a refusal: the last that failed. */
export function deciding(steps: Step[]): Step | undefined {
  return steps.findLast((step) => !step.OK)
}
