import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSamples, type Sample } from './samples.ts'

test('counts tell revisions and pods apart', () => {
  const samples = createSamples(10)
  samples.add(sample({ revision: 'a', pod: 'a-1' }))
  samples.add(sample({ revision: 'b', pod: 'b-1', isFailed: true }))
  samples.add(sample({ revision: 'a', pod: 'a-2' }))
  assert.deepEqual(samples.byRevision(), {
    a: {
      requests: 2,
      failed: 0,
      byPod: { 'a-1': { requests: 1, failed: 0 }, 'a-2': { requests: 1, failed: 0 } },
    },
    b: { requests: 1, failed: 1, byPod: { 'b-1': { requests: 1, failed: 1 } } },
  })
  assert.deepEqual(samples.byHost(), { shop: { requests: 3, failed: 1 } })
})

test('a window counts requests that started in it, and the timeline has each second', () => {
  const samples = createSamples(10)
  for (const startedAtMs of [1_000, 1_500, 2_000, 3_900]) samples.add(sample({ startedAtMs }))
  const counts = (requests: number) => ({
    requests,
    failed: 0,
    byRevision: { a: { requests, failed: 0 } },
  })
  assert.deepEqual(samples.since(1_500), counts(3))
  assert.deepEqual(samples.timeline(), [
    { atMs: 1_000, ...counts(2) },
    { atMs: 2_000, ...counts(1) },
    { atMs: 3_000, ...counts(1) },
  ])
})

test('the ring forgets the oldest, totals do not', () => {
  const samples = createSamples(2)
  for (const startedAtMs of [1, 2, 3]) samples.add(sample({ startedAtMs, durationMs: startedAtMs }))
  assert.equal(samples.since(0).requests, 2)
  assert.equal(samples.totals().requests, 3)
  assert.deepEqual(samples.latencies(), { p50: 2, p90: 3, p99: 3, max: 3 })
})

test('only requests that started after the removal of their pod count against it', () => {
  const samples = createSamples(10)
  for (const startedAtMs of [10, 20, 30]) samples.add(sample({ startedAtMs }))
  samples.add(sample({ startedAtMs: 40, pod: 'other' }))
  assert.equal(samples.servedByRemoved(new Map([['pod', 20]])), 1)
  assert.equal(samples.servedByRemoved(new Map([['nobody', 0]])), 0)
})

function sample(more: Partial<Sample>): Sample {
  return {
    startedAtMs: 0,
    durationMs: 1,
    host: 'shop',
    revision: 'a',
    pod: 'pod',
    isFailed: false,
    ...more,
  }
}
