// Single-key shortcuts. They are off while somebody types, and by a switch (WCAG 2.1.4).

import { areas, has } from './routes'
import { go } from './router.svelte'

const STORED = 'poolhouse.shortcuts'

export const shortcuts = {
  on: (): boolean => localStorage.getItem(STORED) !== 'off',
  turn(on: boolean): void {
    if (on) localStorage.removeItem(STORED)
    else localStorage.setItem(STORED, 'off')
  },
}

/** types reports whether a key goes into a field. */
export function types(event: KeyboardEvent): boolean {
  const at = event.target
  if (!(at instanceof HTMLElement)) return false

  return at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)
}

/** plain reports whether an event is a single key that may be a shortcut. */
export function plain(event: KeyboardEvent): boolean {
  return (
    !event.ctrlKey &&
    !event.metaKey &&
    !event.altKey &&
    !event.defaultPrevented &&
    shortcuts.on() &&
    !types(event) &&
    !document.querySelector('dialog[open]')
  )
}

/** listen handles g with a letter, / and ?. It returns how to end that. */
export function listen(showList: () => void): () => void {
  let afterG = false

  const key = (event: KeyboardEvent) => {
    if (!plain(event)) return

    const area = afterG ? areas.find(({ letter }) => letter === event.key) : undefined
    afterG = event.key === 'g'
    if (area && has(area.path)) go([area.path])
    else if (event.key === '?') showList()
    else if (event.key === '/') paste(event)
  }

  window.addEventListener('keydown', key)
  return () => window.removeEventListener('keydown', key)
}

function paste(event: KeyboardEvent): void {
  const field = document.querySelector<HTMLElement>('[data-paste]')
  event.preventDefault()
  if (field) field.focus()
  else if (has('explain')) go(['explain'], { focus: 'paste' })
}
