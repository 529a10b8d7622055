import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

// What nearly every page uses and the frame does not: parts of the console, and of the library.
const parts = [
  /(?<!pages[\\/](explain|key|playground|pools|server)[\\/]\w+\.svelte\?)svelte&type=style/,
  /src[\\/]parts[\\/]((?!EndCredentials|listed|Group)[^\\/]+|trace[\\/]rungs\.ts|providers[\\/]\w+\.ts)$/,
  /src[\\/]texts[\\/]reason\./,
  /src[\\/]pages[\\/]access[\\/](permit|Act)/,
  /svelte[\\/].*(bindings[\\/](input|select)|blocks[\\/](await|key)|elements[\\/]style)\.js/,
]
const any = (patterns: RegExp[]) => new RegExp(patterns.map(({ source }) => source).join('|'))

// Groups of modules that several pages share. The first load has the frame, with the library and the signer, and the
// small parts; a page adds its own chunk and the groups that it uses. What only some pages need of the library goes with
// them. A style is a request of its own: those of pages that load few files are theirs, the others are with the parts.
// Group names are tried from the top.
const groups = [
  { name: 'chart', test: /src[\\/]parts[\\/]chart[\\/](?!.*type=style)|bindings[\\/]size\.js/ },
  { name: 'access', test: /src[\\/]pages[\\/]access[\\/](Page|iam|Uses|PolicyText|policy|(?!permit|Act).*type=style)/ },
  { name: 'roles', test: /src[\\/]parts[\\/]pool[\\/]RolePicker/ },
  {
    name: 'identities',
    test: /src[\\/]parts[\\/]identities[\\/](?!DeleteSeveral)|svelte[\\/]src[\\/]reactivity[\\/]set\.js/,
  },
  { name: 'fields', test: /src[\\/](parts[\\/](pool[\\/]|Group)|pages[\\/]newpool[\\/].*type=style)/ },
  { name: 'parts', test: any(parts) },
  {
    name: 'frame',
    test: /node_modules(?!.*reactivity[\\/]map\.js)|src[\\/]frame[\\/](?!Shortcuts)|preload-helper/,
  },
  { name: 'reasons', test: /src[\\/]texts[\\/]reasons\.ts/ },
  { name: 'trace', test: /src[\\/]parts[\\/]trace[\\/]/ },
  { name: 'code', test: /src[\\/](samples|parts[\\/]code)[\\/]/ },
  { name: 'providers', test: /src[\\/]parts[\\/]providers[\\/]/ },
  { name: 'newpool', test: /src[\\/]pages[\\/]newpool[\\/](calls|steps|wizard)/ },
  {
    name: 'pool',
    test: /src[\\/]pages[\\/]pool[\\/](Page|pool|numbers|Unsaved|focus|tabs|Conflict|Hidden)/,
  },
]

// Modules of the library that need not be loaded where nothing of them is used.
const unused = any([
  /svelte[\\/]src[\\/](legacy|reactivity)/,
  /svelte[\\/]src[\\/]internal[\\/]client[\\/]dom[\\/]elements[\\/](custom-element|style|bindings)/,
  /svelte[\\/]src[\\/]internal[\\/]client[\\/]dom[\\/]blocks[\\/](svelte-element|await|key)/,
])

// withoutHydration lets the minifier drop what the library has for pages that a server rendered: it cannot tell by
// itself that the console never calls hydrate.
function withoutHydration(): Plugin {
  return {
    name: 'without-hydration',
    apply: 'build',
    transform: {
      filter: { id: /svelte[\\/]src[\\/]internal[\\/]client[\\/]dom[\\/]hydration\.js/ },
      handler(code) {
        const constant = code.replace('export let hydrating = false', 'export const hydrating = false')
        const short = constant.replace(/^\thydrating = value;$/m, '')
        if (constant === code || short === constant) this.error('the library tells in another way whether it hydrates')

        return { code: short, map: null }
      },
    },
  }
}

// early makes the browser fetch at once what every page asks for when the frame has begun: the small parts, and what the
// server tells about itself.
function early(): Plugin {
  return {
    name: 'early',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle = {} }) {
        const script = Object.values(bundle).find((file) => file.type === 'chunk' && file.name === 'parts')
        if (!script) return this.error('the build has no parts')

        return [
          { tag: 'link', attrs: { rel: 'modulepreload', crossorigin: true, href: `./${script.fileName}` } },
          { tag: 'link', attrs: { rel: 'preload', as: 'fetch', crossorigin: true, href: './context.json' } },
        ].map((link) => ({ ...link, injectTo: 'head' as const }))
      },
    },
  }
}

// compress leaves only the gzip form of each file: the server sends it as it is.
function compress(): Plugin {
  let folder = ''

  return {
    name: 'compress',
    apply: 'build',
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir)
    },
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const file = join(folder, name)
        if (!statSync(file).isFile() || file.endsWith('.gz')) continue

        writeFileSync(file + '.gz', gzipSync(readFileSync(file), { level: 9 }))
        rmSync(file)
      }
    },
  }
}

// licences fails a build that has other packages than the folder licences, from which the list of the programs'
// licences is made.
function licences(): Plugin {
  return {
    name: 'licences',
    apply: 'build',
    generateBundle(_, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? Object.keys(file.modules) : []))
      const found = modules.map((id) => /node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id)?.[1])
      const packages = [...new Set(found.filter((name) => name !== undefined))].sort()
      const listed = readdirSync(join(import.meta.dirname, 'licences')).sort()
      if (packages.join() !== listed.join())
        this.error(`the build has ${packages.join()}; licences has ${listed.join()}`)
    },
  }
}

export default defineConfig({
  base: './',
  plugins: [
    svelte({ compilerOptions: { runes: true, discloseVersion: false } }),
    withoutHydration(),
    licences(),
    early(),
    compress(),
  ],
  build: {
    outDir: '../internal/console/dist',
    emptyOutDir: true,
    target: 'es2022',
    // The browsers that have light-dark() and popovers have modulepreload.
    modulePreload: { polyfill: false },
    // No file becomes a data: URL: the Content-Security-Policy refuses those.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      treeshake: { moduleSideEffects: [{ test: unused, sideEffects: false }] },
      output: { codeSplitting: { groups, includeDependenciesRecursively: false } },
    },
  },
  test: { include: ['src/**/*.test.ts'] },
})
