import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { mutants } from './mutant.ts'

const root = new URL('../../', import.meta.url)

describe('a mutant', () => {
  it('has a name of its own', () => {
    assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length)
  })

  for (const { name, file, find, replace } of mutants) {
    it(`(${name}) still has the line that it breaks`, async () => {
      const text = await readFile(new URL(file, root), 'utf8')
      const places = text.split(find).length - 1
      assert.equal(places, 1, `${file} has ${places} places like ${JSON.stringify(find)}`)
      assert.notEqual(find, replace)
    })
  }
})
