// docs/peer-scenarios.md in: as many rows as the peers have cases, each with a file of ours that is there or with
// a reason why there is none.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

const docs = join(import.meta.dirname, '..', 'docs')
const text = await readFile(join(docs, 'peer-scenarios.md'), 'utf8')
const sections = text
  .split(/^## /m)
  .slice(1)
  .filter((section) => section.includes('| Ours |'))

for (const section of sections) {
  const [title = ''] = section.split('\n')
  test(`${title} cases of peers are all spoken of`, () => {
    const count = Number(/(\d+)$/.exec(title)?.[1])
    assert.equal(rowsOf(section).length, count)
  })
}

test('each case has a test that is there, or a reason', () => {
  const rows = sections.flatMap(rowsOf)
  assert.equal(rows.length, 32 + 17 + 5 + 13 + 17 + 22)
  const silent = rows.filter(([, ours]) => !ours.includes('](') && !ours.startsWith('Left out'))
  assert.deepEqual(silent, [])
})

test('each file that is named is there', () => {
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link)
  assert.ok(links.length > 80, `${links.length} links`)
  assert.deepEqual(
    links.filter((link) => !existsSync(join(docs, link))),
    [],
  )
})

test('each story of a router that is named is told', async () => {
  const { routerStories } = await import('./e2e/traffic/routers.ts')
  const told = routerStories.map(({ name }) => name)
  const named = [...text.matchAll(/`([a-z -]+)`/g)].map(([, name = '']) => name)
  const stories = named.filter((name) => /^(istio|linkerd|gateway|service)\b/.test(name))
  assert.ok(stories.length > 5)
  assert.deepEqual(
    stories.filter((name) => !told.includes(name)),
    [],
  )
})

function rowsOf(section: string): (readonly [string, string])[] {
  const lines = section.split('\n').filter((line) => line.startsWith('| '))
  // The first is the head; the line below it has no space behind its bar but dashes.
  return lines.slice(2).map((line) => {
    const [, name = '', ours = ''] = line.split(' | ').join('|').split('|')
    return [name.trim(), ours.trim()] as const
  })
}
