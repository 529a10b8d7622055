/** focusOn gives the focus to a field that a link names, after the heading had it and the field was drawn. */
export function focusOn(id: string): void {
  requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(id)?.focus()))
}
