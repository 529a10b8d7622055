// A refusal as plain text, for a ticket or a chat.

import { capital, words } from '../../parts/trace/rungs'
import { deciding, type Explained } from '../../parts/trace/types'
import { visible } from '../../parts/text'
import { reason } from '../../texts/reason.svelte'

/** asText returns what the page shows of a refusal. Hidden characters are written out. */
export function asText(one: Explained, pool = ''): string {
  const step = deciding(one.Steps)
  const meaning = reason(one.Reason, step)
  const facts: [string, string | undefined][] = [
    ['Time', new Date(one.Time * 1000).toISOString()],
    ['Operation', one.Operation],
    ['Request', one.RequestId],
    ['Pool', [pool, one.IdentityPoolId].filter(Boolean).join(' ')],
    ['Provider', one.ProviderName],
    ['Client', one.Client],
    ['Address', one.SourceAddress],
    ['Access key', one.AccessKeyId && one.AccessKeyId + (one.KeyUnproven ? ' (not proven)' : '')],
    ['Node', one.Node],
    ['Reason', one.Reason],
    ['App was told', `${one.Outcome}: ${one.Message}`],
  ]
  const checks = one.Steps.map((check) => {
    const name = capital(check.Check) + (check.Subject ? ` of ${check.Subject}` : '')
    const of = check.Provider ? ` [${check.Provider}]` : ''
    const values = check.OK ? (check.Got ?? '') : `expected ${check.Expected ?? '–'}; got ${check.Got ?? '–'}`
    return `- ${check.OK ? 'passed' : 'REFUSED'} ${name}${of}${values ? `: ${values}` : ''}`
  })

  return [
    meaning.title,
    meaning.why,
    `What to change: ${meaning.advice}`,
    '',
    ...facts.filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`),
    '',
    'Checks:',
    ...checks,
    ...one.Planned.map((code) => `- not reached ${words(code)}`),
  ]
    .map(visible)
    .filter((line, n, all) => line || all[n - 1])
    .join('\n')
}

/** command returns the command that shows a refusal; '' if its request ID is none that a shell can take as it is. */
export function command(request: string, endpoint: string): string {
  return /^[0-9A-Za-z-]+$/.test(request) ? `poolhouse explain ${request} --endpoint ${endpoint}` : ''
}
