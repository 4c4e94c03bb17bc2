// Every command that writes, with --dry-run=server: what it sends, and that it sends nothing else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { revisionOf } from '../crds/revision.ts'
import { verbs } from '../crds/words.ts'
import { scriptedServer } from '../test/doubles/scripted-server.ts'
import { found, run, status } from './run.fixture.ts'

const paused = { ...status, phase: 'Paused', reason: 'person' }
const target = revisionOf(found.spec.template)
const failed = {
  ...status,
  phase: 'Aborted',
  reason: 'failed',
  quarantine: [{ revision: target, because: 'slow', at: '2026-01-01T00:04:30Z' }],
}

const rows: readonly [argv: string[], status: object][] = [
  [['promote'], status],
  [['promote', '--full'], paused],
  [['pause'], status],
  [['resume'], paused],
  [['abort'], status],
  [['retry'], failed],
  [['restart'], status],
]

for (const [[verb = '', ...more], now] of rows) {
  test(`${[verb, ...more].join(' ')} lets the server check everything and store nothing`, async () => {
    await using server = await scriptedServer(({ method }) =>
      method === 'POST' ? { code: 404, json: {} } : { code: 200, json: { ...found, status: now } },
    )
    const words = [verb, 'checkout', ...more, '--dry-run=server']
    const { out, err, code } = await run(server.url, words)
    assert.deepEqual([err, code], ['', 0])
    assert.match(out, /requested.* \(server dry run\)\n$/)
    const writes = server.asked.filter(({ method }) => method === 'PATCH')
    assert.deepEqual(
      writes.map(({ parameters }) => parameters),
      [{ fieldManager: 'kubectl-sluice', dryRun: 'All' }],
    )
    // The review of who asks stores nothing by itself.
    const posts = server.asked.filter(({ method }) => method === 'POST').map(({ path }) => path)
    assert.ok(posts.every((path) => path.endsWith('/selfsubjectreviews')))
  })
}

test('every verb is among them', () => {
  const tried = new Set(rows.map(([[verb]]) => verb))
  assert.deepEqual(
    verbs.filter((verb) => !tried.has(verb)),
    [],
  )
})
