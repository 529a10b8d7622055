// Reads cases as lines of JSON, and writes what iam-simulate decides about each: one line for a line.
import { createInterface } from 'node:readline'
import { loadPolicy } from '@cloud-copilot/iam-policy'

// The package's own entry checks context keys against AWS's lists, and takes no policy of a resource
// without that. The tests' keys are made up.
const core = new URL('node_modules/@cloud-copilot/iam-simulate/dist/esm/', import.meta.url)
const { authorize } = await import(new URL('core_engine/CoreSimulatorEngine.js', core))
const { AwsRequestImpl } = await import(new URL('request/request.js', core))
const { RequestContextImpl } = await import(new URL('requestContext.js', core))
const { DiscoveryContextKeyConstraints } = await import(new URL('context_keys/discoveryContextKeyConstraints.js', core))

const decisions = {
  Allowed: 'allowed',
  ExplicitlyDenied: 'explicitDeny',
  ImplicitlyDenied: 'implicitDeny'
}

function decide(one) {
  const load = (policy, name) => loadPolicy(policy, { name })
  const { result } = authorize({
    request: new AwsRequestImpl(
      one.principal,
      { resource: one.resource, accountId: one.owner },
      one.action,
      new RequestContextImpl(one.context)
    ),
    sessionPolicy: undefined,
    identityPolicies: one.identity.map((policy, index) => load(policy, String(index))),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: one.resourcePolicy ? load(one.resourcePolicy, 'resource') : undefined,
    permissionBoundaries: one.boundary ? [load(one.boundary, 'boundary')] : undefined,
    vpcEndpointPolicies: undefined,
    simulationParameters: {
      simulationMode: 'Strict',
      discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([])
    },
    serviceSettings: {}
  })
  return decisions[result] ?? String(result)
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    answer = decide(JSON.parse(line))
  } catch (error) {
    answer = 'error: ' + error.message
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
