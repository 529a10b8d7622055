// The languages of the samples, and the one that was chosen: one choice for the whole console.

export const languages = [
  { id: 'sh', words: 'CLI' },
  { id: 'mjs', words: 'JavaScript' },
  { id: 'py', words: 'Python' },
  { id: 'go', words: 'Go' },
  { id: 'java', words: 'Java' },
] as const

export type Language = (typeof languages)[number]['id']

const STORED = 'poolhouse.language'

/** read returns the stored choice; the first language without one. */
export function read(storage: Pick<Storage, 'getItem'> | undefined): Language {
  const stored = storage?.getItem(STORED)

  return languages.find((one) => one.id === stored)?.id ?? languages[0].id
}

/** keep stores the choice. It is no secret. */
export function keep(storage: Pick<Storage, 'setItem'> | undefined, language: Language): void {
  storage?.setItem(STORED, language)
}

/** moved returns where a key leads in a list of tabs; undefined for other keys. */
export function moved(key: string, at: number, length: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return (at + 1) % length
    case 'ArrowLeft':
      return (at + length - 1) % length
    case 'Home':
      return 0
    case 'End':
      return length - 1
  }

  return undefined
}
