import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { it } from 'node:test'
import { transitions } from './invariants.ts'

it('the state diagram in the README is the one in the code', async () => {
  const text = await readFile(new URL('README.md', import.meta.url), 'utf8')
  const drawn = [...text.matchAll(/^ {2}(\w+) --> (\w+):/gm)].map(
    ([, from, to]) => `${from} → ${to}`,
  )
  const coded = Object.entries(transitions).flatMap(([from, all]) =>
    all.map((to) => `${from} → ${to}`),
  )
  assert.deepEqual(drawn.sort(), coded.sort())
})
