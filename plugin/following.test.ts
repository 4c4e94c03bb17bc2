// Commands that look on for a while: get -w, wait, watch.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Reply, scriptedServer } from '../test/doubles/scripted-server.ts'
import type { Terminal, World } from './invocation.ts'
import { found, run, status } from './run.fixture.ts'

const refused: Reply = { code: 403, json: { reason: 'Forbidden', message: 'no longer allowed' } }
const version = (resourceVersion: string, over: object = {}) => ({
  ...found,
  metadata: { ...found.metadata, resourceVersion },
  status: { ...status, ...over },
})
const listed = (...items: object[]): Reply => ({
  code: 200,
  json: { metadata: { resourceVersion: '7' }, items },
})
const moved = version('8', { step: 1, progress: '2/2', weight: 50, because: 'step 2 began' })
const modified = { type: 'MODIFIED', object: moved }
const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } }
const gone = { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } }

test('get -w goes on below the table, in its columns', async () => {
  await using server = await scriptedServer([
    listed(found),
    { lines: [modified, bookmark], last: 'end' },
    refused,
  ])
  const { out, err, code } = await run(server.url, ['get', '-w'])
  assert.equal(
    out,
    `NAME      PHASE        STEP  WEIGHT  STABLE      CANARY      CHECKS  AGE  BECAUSE
checkout  Progressing  1/2   5%      5d8f22aa01  77ab01cdef  1/1     -    revision 77ab01cdef starts with 5 % of traffic
checkout  Progressing  2/2   50%     5d8f22aa01  77ab01cdef  1/1     -    step 2 began
`,
  )
  assert.deepEqual([err, code], ['Error from server (Forbidden): no longer allowed\n', 1])
  assert.deepEqual(
    server.asked.map(({ parameters }) => parameters['resourceVersion']),
    [undefined, '7', '9'],
  )
})

test('get -w -o json is one object per line, and a list that comes again is not repeated', async () => {
  await using server = await scriptedServer([
    listed(found),
    { lines: [modified, gone], last: 'end' },
    listed(moved),
    refused,
  ])
  const { out } = await run(server.url, ['get', '-w', '-o', 'json'])
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).metadata.resourceVersion),
    ['7', '8'],
  )
})

test('a server that is gone for a while is asked again', async () => {
  await using server = await scriptedServer([listed(found), 'reset', listed(moved), refused])
  const { out, err } = await run(server.url, ['get', '-w', '-o', 'jsonpath={.status.weight} '])
  assert.equal(out, '5 50 ')
  assert.match(err, /the connection was reset; trying again\nError from server \(Forbidden\)/)
})

const never = {
  sleep: (_: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    }),
}
const stay = (...objects: object[]): Reply => ({
  lines: objects.map((object) => ({ type: 'MODIFIED', object })),
  last: 'stay',
})
const trial = '9f8e7d6'
const promoted = version('9', { phase: 'Stable', stable: status.canary, because: 'all is well' })
const aborted = version('9', { phase: 'Aborted', because: 'too many failed' })
const superseded = version('9', { canary: { revision: 'b' }, history: [] })
const approval = {
  reason: 'Approval',
  message: 'promote or abort it',
  since: '2026-01-01T00:04:30Z',
}
const held = version('9', { blockedBy: approval })

const waits: readonly [string, object, number, RegExp][] = [
  ['0 when it is promoted', promoted, 0, /^rollout.sluice.dev\/checkout promoted: all is well\n$/],
  ['1 when it is reverted', aborted, 1, /reverted: too many failed/],
  ['3 when another one took its place', superseded, 3, /superseded: /],
  ['4 when a person is needed', held, 4, /held: Progressing at step 1\/2 .*promote or abort it/],
]
for (const [how, then, code, said] of waits) {
  test(`wait ends with ${how}`, async () => {
    await using server = await scriptedServer([
      { code: 200, json: found },
      listed(found),
      stay(moved, then),
    ])
    const ran = await run(server.url, ['wait', 'checkout', '--revision', trial], never)
    assert.equal(ran.code, code, ran.err)
    assert.match(ran.out, said)
    assert.match(ran.err, /Progressing at step 1\/2 .*\nProgressing at step 2\/2/)
  })
}

test('wait goes on through holds when it is told to', async () => {
  await using server = await scriptedServer([
    { code: 200, json: found },
    listed(held),
    stay(promoted),
  ])
  const argv = ['wait', 'checkout', '--revision', trial, '--through-holds', '-o', 'json']
  const { out, code } = await run(server.url, argv, never)
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(out), {
    rollout: 'checkout',
    namespace: 'shop',
    ...status.canary,
    outcome: 'promoted',
    code: 0,
    because: 'all is well',
  })
})

test('wait ends with 2 after its time', async () => {
  await using server = await scriptedServer([{ code: 200, json: found }, listed(found), stay()])
  const late = new AbortController()
  const over: Partial<World> = {
    sleep: (ms, signal) => never.sleep(ms, AbortSignal.any([late.signal, signal])),
    printError: (text) => {
      if (text.startsWith('Progressing')) late.abort()
    },
  }
  const { code, out } = await run(server.url, ['wait', 'checkout', '--revision', trial], over)
  assert.equal(code, 2)
  assert.match(out, /timeout: not known after the timeout: Progressing at step 1\/2/)
})

const mistakes: readonly [readonly string[], RegExp][] = [
  [['wait', 'checkout'], /--revision is missing/],
  [['wait', 'checkout', '--revision', 'main'], /neither a commit nor a revision/],
  [['wait', 'checkout', '--revision', 'abc'], /takes 7 to 64 digits/],
  [['wait', 'checkout', '--revision', trial, '--for', 'ready'], /must be one of promoted/],
  [['wait', 'checkout', '--revision', trial, '--timeout', 'soon'], /is not a time/],
  [['wait', 'chekout', '--revision', trial], /no rollout "chekout".*did you mean "checkout"/],
]
for (const [argv, message] of mistakes) {
  test(`${argv.slice(1).join(' ')} ends wait with 5, which is no outcome`, async () => {
    await using server = await scriptedServer([
      { code: 404, json: { reason: 'NotFound' } },
      listed(found),
    ])
    const { code, err } = await run(server.url, argv)
    assert.equal(code, 5)
    assert.match(err, message)
  })
}

/** A terminal that keeps its frames; the key comes when a frame shows `until`. */
function fakeTerminal(size: { columns: number; rows: number }, until: string, key: string) {
  const frames: string[][] = []
  let isOpen = false
  const terminal: Terminal = {
    open({ onKey }) {
      isOpen = true
      return {
        size: () => size,
        draw: (lines) => {
          frames.push([...lines])
          if (lines.join('\n').includes(until)) onKey(key)
        },
        close: () => {
          isOpen = false
        },
      }
    },
  }
  return { terminal, frames, isOpen: () => isOpen }
}

for (const [key, code] of [
  ['q', 0],
  ['\x03', 130],
] as const) {
  test(`watch draws what changes, and ${JSON.stringify(key)} gives the terminal back`, async () => {
    await using server = await scriptedServer(({ path, parameters }) => {
      if (path.endsWith('/checkout')) return { code: 200, json: found }
      if (path.endsWith('/replicasets')) return { code: 200, json: { items: [] } }
      return parameters['watch'] ? stay(moved) : listed(found)
    })
    const { terminal, frames, isOpen } = fakeTerminal(
      { columns: 50, rows: 10 },
      'step 2 began',
      key,
    )
    const ran = await run(server.url, ['watch', 'checkout'], { ...never, terminal })
    assert.deepEqual([ran.code, ran.out, ran.err, isOpen()], [code, '', '', false])
    assert.deepEqual(frames.at(-1), [
      'shop/checkout',
      '├─ phase      Progressing at step 2/2 for 1m',
      '├─ because    step 2 began',
      '├─ steps',
      '│  ├─ ✓ 1    5 %  hold 30s',
      '│  └─ ▶ 2   50 %  hold 30s, begun 1m ago',
      '├─ revisions',
      '… 6 lines more',
      '',
      '00:05:00 UTC   q: quit',
    ])
    assert.ok(frames.every((frame) => frame.length <= 10))
  })
}

test('watch is left at once, however slow the server is', async () => {
  await using server = await scriptedServer(['silence'])
  const { terminal, isOpen } = fakeTerminal({ columns: 50, rows: 10 }, '…', 'q')
  const ran = await run(server.url, ['watch'], { ...never, terminal })
  assert.deepEqual([ran.code, isOpen()], [0, false])
})

test('watch gives the terminal back when it fails', async () => {
  await using server = await scriptedServer(({ parameters }) =>
    parameters['watch'] ? refused : listed(found),
  )
  const { terminal, isOpen } = fakeTerminal({ columns: 50, rows: 10 }, 'never', 'q')
  const { code, err } = await run(server.url, ['watch'], { ...never, terminal })
  assert.deepEqual([code, isOpen()], [1, false])
  assert.match(err, /no longer allowed/)
})

test('watch in a pipe writes a line per change', async () => {
  await using server = await scriptedServer([
    listed(found),
    { lines: [{ type: 'MODIFIED', object: version('8') }, modified], last: 'end' },
    refused,
  ])
  const { out } = await run(server.url, ['watch'])
  assert.equal(
    out,
    `2026-01-01T00:05:00.000Z shop/checkout Progressing 1/2 5%: revision 77ab01cdef starts with 5 % of traffic
2026-01-01T00:05:00.000Z shop/checkout Progressing 2/2 50%: step 2 began
`,
  )
})
