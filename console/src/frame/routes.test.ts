import { expect, it } from 'vitest'
import { areas, find, pages, rows } from './routes'

it('has a page for each row, and a row for each page', () => {
  const named = new Set(rows.map((row) => `../pages/${row.page}/Page.svelte`))
  expect([...named].sort()).toEqual(Object.keys(pages).sort())
})

it('has a page for each entry of the navigation', () => {
  for (const { path } of areas) expect(find([path])?.row.area).toBe(path)
})

it('finds pages, and none for another path', () => {
  expect(find(['pools', 'new', 'roles'])?.params).toEqual(['roles'])
  expect(find(['pools', 'x', 'tags'])?.params).toEqual(['x', 'tags'])
  expect(find(['explain', 'token'])?.row.page).toBe('explaintoken')
  expect(find(['nowhere'])).toBeUndefined()
  expect(find(['pools', 'a', 'b', 'c'])).toBeUndefined()
})
