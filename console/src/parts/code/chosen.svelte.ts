// The chosen language, shared by all code of a page.

import { keep, read, type Language } from './languages'

class Chosen {
  #language = $state<Language>(read(globalThis.localStorage))

  get language(): Language {
    return this.#language
  }

  set language(language: Language) {
    this.#language = language
    keep(globalThis.localStorage, language)
  }
}

export const chosen = new Chosen()
