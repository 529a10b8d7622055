import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const folder = join(import.meta.dirname, '../licences')

it.each(readdirSync(folder))('has the licence of %s as its package has it', (name) => {
  const own = join(import.meta.dirname, '../node_modules', name)
  const file = readdirSync(own).find((entry) => /^licen[cs]e/i.test(entry)) ?? ''
  expect(readFileSync(join(folder, name), 'utf8')).toBe(readFileSync(join(own, file), 'utf8'))
})
