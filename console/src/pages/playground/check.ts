// Whether the settings have the check endpoint.

/** checkOf returns where the settings turn forward auth on; '' if they do not, or if they do not tell. */
export function checkOf(answer: unknown): string {
  const settings = (answer as { Settings?: { Name: string; Value: string; Source: string }[] }).Settings ?? []
  const found = settings.find((one) => one.Name === 'check' || one.Name.startsWith('check.'))
  if (!found || found.Source === 'default') return ''

  return `setting ${found.Name}, ${found.Source}`
}
