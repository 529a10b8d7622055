import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import ts from 'typescript-eslint'

export default ts.config(
  { ignores: ['node_modules'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: {
      'no-control-regex': 'off', // hidden characters are what we look for
      'no-undef': 'off', // TypeScript knows better
      'svelte/no-at-html-tags': 'error',
      'svelte/no-inline-styles': 'error',
      // {' '} keeps a blank that the compiler would trim: "More filters" would be read "Morefilters".
      'svelte/no-useless-mustaches': 'off',
      'svelte/no-navigation-without-resolve': 'off', // of SvelteKit
      'svelte/prefer-svelte-reactivity': 'off', // URLSearchParams of a route are never changed
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
)
