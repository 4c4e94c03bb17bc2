import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock, type VirtualClock } from '../test/doubles/clock.ts'
import {
  failure,
  type List,
  object,
  page,
  type Script,
  scriptedApi,
} from '../test/doubles/scripted-api.ts'
import { hurriedClock, scriptedServer } from '../test/doubles/scripted-server.ts'
import type { KubeApi } from './api.ts'
import { createReflector, type Reflector } from './reflector.ts'
import { rollouts } from './resources.ts'
import { createKubeApi } from './transport.ts'

interface World {
  readonly log: string[]
  readonly clock: VirtualClock
  readonly reflector: Reflector
  readonly stop: () => Promise<void>
}

async function world({ lists, watches }: Script, onChange?: () => void): Promise<World> {
  const clock = createVirtualClock()
  const log: string[] = []
  const api = scriptedApi({ lists, watches }, clock, log)
  const reflector = createReflector({
    api,
    resource: rollouts,
    clock,
    random: () => 0,
    onChange(_, now, previous) {
      const mark = now === null ? '-' : previous ? '~' : '+'
      const { uid, resourceVersion } = (now ?? previous)!.metadata
      log.push(`${mark}${uid}@${resourceVersion}`)
      onChange?.()
    },
  })
  const signal = new AbortController()
  const done = reflector.start(signal.signal)
  await clock.advance(0)
  return {
    log,
    clock,
    reflector,
    async stop() {
      signal.abort()
      await clock.advance(0)
      await done
    },
  }
}

interface Row {
  readonly name: string
  readonly lists: List[]
  readonly watches?: string[]
  readonly seconds?: number
  readonly log: string
  readonly holds: string
}

const rows: Row[] = [
  {
    name: 'a list, then events from its version',
    lists: [page('a1@1 b1@2', '4')],
    watches: ['~a1@5 +c1@6 -b1@7 …'],
    log: '0s list | +a1@1 | +b1@2 | 0s watch from 4 | ~a1@5 | +c1@6 | -b1@2',
    holds: 'a1@5 c1@6',
  },
  {
    name: 'pages become one list, and a bookmark moves the version',
    lists: [page('a1@1', '4', 'p2'), page('b1@2', '4')],
    watches: ['=30 wait2', '…'],
    seconds: 3,
    log: '0s list | 0s list from p2 | +a1@1 | +b1@2 | 0s watch from 4 | 2s watch from 30',
    holds: 'a1@1 b1@2',
  },
  {
    name: 'half a list is no list',
    lists: [page('a1@1', '4', 'p2'), failure(500), page('a1@1 b1@2', '5')],
    seconds: 1,
    log: '0s list | 0s list from p2 | 0.25s list | +a1@1 | +b1@2 | 0.25s watch from 5',
    holds: 'a1@1 b1@2',
  },
  {
    name: 'an expired page starts the list again at once',
    lists: [page('a1@1', '4', 'p2'), failure(410), page('a1@1', '5')],
    log: '0s list | 0s list from p2 | 0s list | +a1@1 | 0s watch from 5',
    holds: 'a1@1',
  },
  {
    name: '410 in a watch lists at once and finds what was deleted',
    lists: [page('a1@1 b1@2', '4'), page('b1@9 c1@8', '9')],
    watches: ['wait2 !410'],
    seconds: 2,
    log: '0s list | +a1@1 | +b1@2 | 0s watch from 4 | 2s list | -a1@1 | ~b1@9 | +c1@8 | 2s watch from 9',
    holds: 'b1@9 c1@8',
  },
  {
    name: '410 as the answer to a watch lists at once',
    lists: [page('a1@1', '4'), page('a1@1', '9')],
    watches: ['#410'],
    log: '0s list | +a1@1 | 0s watch from 4 | 0s list | 0s watch from 9',
    holds: 'a1@1',
  },
  {
    name: '410 again and again is answered by a back-off',
    lists: [page('', '4'), page('', '5'), page('', '6')],
    watches: ['#410', '#410', '#410', '…'],
    seconds: 1,
    log: '0s list | 0s watch from 4 | 0s list | 0s watch from 5 | 0.5s list | 0.5s watch from 6',
    holds: '',
  },
  {
    name: 'a name taken by another uid is a deletion and an addition',
    lists: [page('a1@1', '4'), page('a3@9', '9')],
    watches: ['~a2@6 wait2 !410'],
    seconds: 2,
    log: '0s list | +a1@1 | 0s watch from 4 | -a1@1 | +a2@6 | 2s list | -a2@6 | +a3@9 | 2s watch from 9',
    holds: 'a3@9',
  },
  {
    name: 'late and double events change nothing',
    lists: [page('a1@3', '4')],
    watches: ['~a1@6 ~a1@5 ~a1@6 -a1@5 -a1@8 ~a1@7 +a2@9 -a1@8 …'],
    log: '0s list | +a1@3 | 0s watch from 4 | ~a1@6 | -a1@6 | +a2@9',
    holds: 'a2@9',
  },
  {
    name: 'events out of order reach their objects',
    lists: [page('a1@1 b1@2', '4')],
    watches: ['~b1@7 ~a1@6 wait2', '…'],
    seconds: 2,
    log: '0s list | +a1@1 | +b1@2 | 0s watch from 4 | ~b1@7 | ~a1@6 | 2s watch from 7',
    holds: 'a1@6 b1@7',
  },
  {
    name: 'a list from the past is asked for again',
    lists: [page('a1@3', '10'), page('a1@2', '8'), page('a1@11', '12')],
    watches: ['wait2 !410', '…'],
    seconds: 3,
    log: '0s list | +a1@3 | 0s watch from 10 | 2s list | 2.5s list | ~a1@11 | 2.5s watch from 12',
    holds: 'a1@11',
  },
  {
    name: 'resets and refusals back off, doubling, and go on from the last version',
    lists: [page('a1@1', '4')],
    watches: ['~a1@5 #reset', '#500', '#503', '#429', '~a1@6 …'],
    seconds: 4,
    log: '0s list | +a1@1 | 0s watch from 4 | ~a1@5 | 0.25s watch from 5 | 0.75s watch from 5 | 1.75s watch from 5 | 3.75s watch from 5 | ~a1@6',
    holds: 'a1@6',
  },
  {
    name: 'a server that asks for time gets it',
    lists: [failure(429, 60_000), page('', '4')],
    seconds: 61,
    log: '0s list | 60.25s list | 60.25s watch from 4',
    holds: '',
  },
  {
    name: 'a watch that ends at once is not opened in a storm',
    lists: [page('', '4')],
    watches: ['', '', '', '…'],
    seconds: 2,
    log: '0s list | 0s watch from 4 | 0.25s watch from 4 | 0.75s watch from 4 | 1.75s watch from 4',
    holds: '',
  },
  {
    name: 'silence for 130 s is a dead connection, and cheap',
    lists: [page('a1@1', '4')],
    watches: ['=7 …', '~a1@8 …'],
    seconds: 131,
    log: '0s list | +a1@1 | 0s watch from 4 | 130s watch from 7 | ~a1@8',
    holds: 'a1@8',
  },
  {
    name: 'silence counts from the last event',
    lists: [page('', '4')],
    watches: ['wait100 =7 …', '…'],
    seconds: 240,
    log: '0s list | 0s watch from 4 | 230s watch from 7',
    holds: '',
  },
]
for (const { name, lists, watches = [], seconds = 0, log, holds } of rows) {
  test(name, async () => {
    const scene = await world({ lists, watches })
    await scene.clock.advance(seconds * 1000)
    const held = scene.reflector.store
      .list()
      .map(({ metadata }) => `${metadata.uid}@${metadata.resourceVersion}`)
    assert.deepEqual([scene.log.join(' | '), held.sort().join(' ')], [log, holds])
    await scene.stop()
    assert.equal(scene.clock.sleeping(), 0)
  })
}

test('the back-off ends at 30 s and the follower never stops for good', async () => {
  const scene = await world({ lists: [], watches: [] })
  await scene.clock.advance(600_000)
  const times = scene.log.map((line) => Number.parseFloat(line))
  const gaps = times.map((time, i) => time - (times[i - 1] ?? 0))
  assert.deepEqual([Math.max(...gaps), scene.reflector.health().failures], [15, times.length])
  await scene.stop()
})

test('a server from a backup is believed after twenty lists from the past', async () => {
  const past = Array.from({ length: 30 }, () => page('a1@2', '3'))
  const lists = [page('a1@50 b1@60', '100'), ...past]
  const scene = await world({ lists, watches: ['wait2 !410', '~a1@4 …'] })
  await scene.clock.advance(900_000)
  const changes = scene.log.filter((line) => !/list|watch/.test(line))
  assert.deepEqual(changes, ['+a1@50', '+b1@60', '-b1@60', '~a1@2', '~a1@4'])
  await scene.stop()
})

test('our own write is seen before the watch tells, and never undone by what is older', async () => {
  const lists = [page('a1@1', '4'), page('a1@5', '7'), page('a1@8', '9')]
  const scene = await world({ lists, watches: ['wait2 ~a1@5 ~a1@8 !410', '…'] })
  assert.equal(scene.reflector.store.learn(object('a1@8')), true)
  assert.equal(scene.reflector.store.learn(object('a1@3')), false)
  await scene.clock.advance(3_000)
  assert.deepEqual(scene.log, [
    '0s list',
    '+a1@1',
    '0s watch from 4',
    '~a1@8',
    '2s list',
    '2.5s list',
    '2.5s watch from 9',
  ])
  await scene.stop()
})

test('a stop does not wait for a list that hangs', async () => {
  const api = { list: () => new Promise(() => undefined) } as unknown as KubeApi
  const clock = createVirtualClock()
  const stop = new AbortController()
  const quiet = { resource: rollouts, random: () => 0, onChange: () => assert.fail() }
  const done = createReflector({ api, clock, ...quiet }).start(stop.signal)
  stop.abort()
  await done
})

test('a handler that throws is counted out, not the follower', async () => {
  const scene = await world({ lists: [page('a1@1', '4')], watches: ['~a1@5 …'] }, () => {
    throw new Error('handler')
  })
  await scene.reflector.synced
  assert.equal(scene.reflector.store.get('shop', 'a')?.metadata.resourceVersion, '5')
  await scene.stop()
})

test('over HTTP it lives through a black hole, a reset, a garbled line and 410 both ways', async () => {
  const item = (version: string) => ({
    metadata: { name: 'a', namespace: 'shop', uid: 'a1', resourceVersion: version },
  })
  const list = (version: string) => ({
    code: 200,
    json: { metadata: { resourceVersion: version }, items: [item(version)] },
  })
  const told = (version: string) => ({ type: 'MODIFIED', object: item(version) })
  const expired = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }
  await using server = await scriptedServer([
    { code: 500, text: 'no' },
    'reset',
    list('1'),
    { lines: [told('2'), '{"type":"MODIF\n'], last: 'stay' },
    { lines: [told('3')], last: 'reset' },
    { code: 410, json: expired },
    list('4'),
    { lines: [told('5'), { type: 'ERROR', object: expired }], last: 'end' },
    list('6'),
    'silence',
    { lines: [told('7')], last: 'stay' },
  ])
  const clock = hurriedClock(100)
  const api = createKubeApi({ server: server.url, clock, random: () => 0, deadlineMs: 20_000 })
  const seen: unknown[] = []
  const stop = new AbortController()
  const followed = createReflector({
    api,
    resource: rollouts,
    clock,
    random: () => 0,
    onChange(_, now) {
      seen.push(now?.metadata.resourceVersion)
      if (now?.metadata.resourceVersion === '7') stop.abort()
    },
  }).start(stop.signal)
  await followed
  await api.close()
  assert.deepEqual(seen, ['1', '2', '3', '4', '5', '6', '7'])
})
