// Light, dark, or as the system has it. It is no secret, so it stands in localStorage.

export type Choice = 'system' | 'light' | 'dark'

const STORED = 'poolhouse.theme'

class Theme {
  choice = $state<Choice>('system')

  start(): void {
    const stored = localStorage.getItem(STORED)
    if (stored === 'light' || stored === 'dark') this.choose(stored)
  }

  choose(choice: Choice): void {
    this.choice = choice
    if (choice === 'system') {
      delete document.documentElement.dataset.theme
      localStorage.removeItem(STORED)
      return
    }

    document.documentElement.dataset.theme = choice
    localStorage.setItem(STORED, choice)
  }
}

export const theme = new Theme()
