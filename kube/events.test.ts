import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '../test/doubles/clock.ts'
import type { KubeApi, KubeObject } from './api.ts'
import { createEventWriter, type EventRecord } from './events.ts'

const event = (note: string, uid = 'u1'): EventRecord => ({
  regarding: {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    namespace: 'shop',
    name: 'checkout',
    uid,
  },
  type: 'Warning',
  reason: 'Aborted',
  action: 'ShiftToStable',
  note,
})

function scene(isDown = false) {
  const clock = createVirtualClock()
  const created: KubeObject[] = []
  const patched: unknown[] = []
  const api = {
    async create(_: unknown, object: KubeObject) {
      if (isDown) throw new Error('down')
      created.push(object)
      return object
    },
    async patch(_: unknown, key: { name: string }, type: string, body: unknown) {
      patched.push([key.name, type, body])
    },
  } as unknown as KubeApi
  const reporter = { reportingController: 'sluice.dev/controller', reportingInstance: 'sluice-0' }
  return { clock, created, patched, writer: createEventWriter({ api, clock, ...reporter }) }
}

test('an event carries its object, its sentence and six digits of time', async () => {
  const { writer, created } = scene()
  writer.record(event('x'.repeat(2_000)))
  await writer.flush()
  assert.deepEqual(created, [
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'checkout.19b76daa800.1', namespace: 'shop' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      type: 'Warning',
      reason: 'Aborted',
      action: 'ShiftToStable',
      note: 'x'.repeat(1_024),
      regarding: event('').regarding,
      reportingController: 'sluice.dev/controller',
      reportingInstance: 'sluice-0',
    },
  ])
})

test('a repetition becomes a series, another sentence another event', async () => {
  const { writer, clock, created, patched } = scene()
  writer.record(event('a'))
  await writer.flush()
  await clock.advance(1_500)
  writer.record(event('a'))
  writer.record(event('b'))
  await writer.flush()
  await clock.advance(7 * 60_000)
  writer.record(event('a'))
  await writer.flush()
  assert.deepEqual(
    created.map(({ note }) => note),
    ['a', 'b', 'a'],
  )
  const series = { count: 2, lastObservedTime: '2026-01-01T00:00:01.500000Z' }
  assert.deepEqual(patched, [[created[0]?.metadata.name, 'merge', { series }]])
})

test('repetitions in one breath are one event, and the next write tells their number', async () => {
  const { writer, created, patched } = scene()
  for (let i = 0; i < 3; i += 1) writer.record(event('a'))
  await writer.flush()
  writer.record(event('a'))
  await writer.flush()
  assert.equal(created.length, 1)
  assert.deepEqual(patched, [
    [
      created[0]?.metadata.name,
      'merge',
      { series: { count: 4, lastObservedTime: '2026-01-01T00:00:00.000000Z' } },
    ],
  ])
})

test('one noisy object is held to its share, another is heard', async () => {
  const { writer, clock, created } = scene()
  for (let i = 0; i < 100; i += 1) writer.record(event(`note ${i}`))
  writer.record(event('other', 'u2'))
  await writer.flush()
  assert.deepEqual([created.length, writer.dropped()], [26, 75])
  await clock.advance(20_000)
  for (let i = 0; i < 100; i += 1) writer.record(event(`later ${i}`))
  await writer.flush()
  assert.equal(created.length, 28)
})

test('a server that is down costs events and nothing else', async () => {
  const { writer } = scene(true)
  for (let i = 0; i < 3; i += 1) {
    writer.record(event('a'))
    await writer.flush()
  }
  assert.equal(writer.dropped(), 3)
})
