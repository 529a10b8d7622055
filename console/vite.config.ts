import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

// Groups of modules that several pages share. The first load has the frame alone; a page adds its own chunk and
// the groups that it uses. Group names are tried from the top.
const groups = [
  { name: 'client', test: /node_modules[\\/]aws4fetch|src[\\/]frame[\\/](client|xml)/ },
  { name: 'code', test: /src[\\/](samples|parts[\\/]code)[\\/]/ },
  { name: 'trace', test: /src[\\/](texts[\\/]reasons|parts[\\/]trace[\\/])/ },
  { name: 'chart', test: /src[\\/]parts[\\/]chart[\\/]/ },
  { name: 'providers', test: /src[\\/]parts[\\/]providers[\\/]/ },
  { name: 'pool', test: /src[\\/]parts[\\/]pool[\\/]/ },
  { name: 'parts', test: /src[\\/](parts|api|texts)[\\/]/ },
]

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
  plugins: [svelte(), licences(), compress()],
  build: {
    outDir: '../internal/console/dist',
    emptyOutDir: true,
    target: 'es2022',
    // The browsers that have light-dark() and popovers have modulepreload.
    modulePreload: { polyfill: false },
    // No file becomes a data: URL: the Content-Security-Policy refuses those.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: { output: { codeSplitting: { groups, includeDependenciesRecursively: false } } },
  },
  test: { include: ['src/**/*.test.ts'] },
})
