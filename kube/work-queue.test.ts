import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '../test/doubles/clock.ts'
import { ApiError } from './api.ts'
import { createWorkQueue, type WorkQueue } from './work-queue.ts'

type Answer = number | Error | null
/** Handlers take `workMs`; `answers` are given in turn, then null. */
function scene(given: {
  concurrency?: number
  workMs?: number
  answers?: Record<string, Answer[]>
}) {
  const { concurrency = 2, workMs = 100, answers = {} } = given
  const clock = createVirtualClock(0)
  const log: string[] = []
  const errors: string[] = []
  let most = 0
  const queue: WorkQueue<string> = createWorkQueue<string>({
    clock,
    random: () => 0,
    concurrency,
    async handle(key) {
      most = Math.max(most, queue.running())
      log.push(`${clock.monotonic()} ${key}`)
      await clock.sleep(workMs)
      const answer = answers[key]?.shift() ?? null
      if (answer instanceof Error) throw answer
      return answer
    },
    onError: (key, _, { failures, afterMs }) => errors.push(`${key} ${failures} ${afterMs}`),
  })
  return { clock, log, errors, queue, most: () => most }
}

test('a key is handled once however often it is added, and once more when added meanwhile', async () => {
  const { clock, log, queue } = scene({})
  for (let i = 0; i < 5; i += 1) queue.add('a')
  await clock.advance(50)
  for (let i = 0; i < 5; i += 1) queue.add('a')
  await clock.advance(1_000)
  assert.deepEqual(log, ['0 a', '100 a'])
})

test('no more handlers run at once than allowed, and keys wait in order', async () => {
  const { clock, log, queue, most } = scene({})
  for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key)
  await clock.advance(1_000)
  assert.deepEqual([log.join(' | '), most()], ['0 a | 0 b | 100 c | 100 d | 200 e', 2])
})

test('a poisoned key backs off alone, doubling to a cap, and is forgiven by success', async () => {
  const failures: Answer[] = Array.from({ length: 10 }, () => new Error('poison'))
  const { clock, errors, queue, log } = scene({ workMs: 0, answers: { bad: failures } })
  queue.add('bad')
  for (let i = 0; i < 20; i += 1) {
    queue.add('good')
    await clock.advance(10_000)
  }
  const spread = [125, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
  assert.deepEqual(
    errors,
    spread.map((afterMs, i) => `bad ${i + 1} ${afterMs}`),
  )
  assert.equal(log.filter((line) => line.endsWith('good')).length, 20)
  await queue.shutdown()
})

test('a key that worked again starts with a short back-off', async () => {
  const once = () => new Error('poison')
  const answers = { a: [once(), once(), 5_000, once()] }
  const { clock, errors, queue } = scene({ workMs: 0, answers })
  queue.add('a')
  await clock.advance(10_000)
  assert.deepEqual(errors, ['a 1 125', 'a 2 250', 'a 1 125'])
})

test('news cuts a back-off short, but does not make the key spin', async () => {
  const failures: Answer[] = Array.from({ length: 20 }, () => new Error('poison'))
  const { clock, log, queue } = scene({ workMs: 0, answers: { bad: failures } })
  queue.add('bad')
  await clock.advance(4_000)
  const before = log.length
  for (let i = 0; i < 300; i += 1) {
    queue.add('bad')
    await clock.advance(1)
  }
  assert.deepEqual([before, log.length], [6, 7])
  await queue.shutdown()
})

test('Retry-After of the API server is waited out', async () => {
  const status = { code: 429, reason: 'TooManyRequests', message: 'busy' }
  const refused = new ApiError(status, { retryAfterMs: 7_000 })
  const { clock, log, queue } = scene({ workMs: 0, answers: { a: [refused] } })
  queue.add('a')
  await clock.advance(1_000)
  queue.add('a')
  await clock.advance(20_000)
  assert.deepEqual(log, ['0 a', '7125 a'])
})

test('a key wakes at the time its handler gave, and earlier when somebody asks', async () => {
  const { clock, log, queue } = scene({ workMs: 0, answers: { a: [90_000, null], b: [90_000] } })
  queue.add('a')
  queue.add('b')
  await clock.advance(1)
  queue.addAfter('b', 30_000)
  queue.addAfter('b', 40_000)
  await clock.advance(600_000)
  assert.deepEqual(log, ['0 a', '0 b', '30000 b', '90000 a'])
  assert.equal(clock.sleeping(), 0)
})

test('a wall clock that jumps makes a wake-up neither early nor later than a minute', async () => {
  const { clock, log, queue } = scene({ workMs: 0, answers: { a: [3_600_000] } })
  queue.add('a')
  await clock.advance(1_000)
  clock.jump(-600_000)
  await clock.advance(3_700_000)
  assert.deepEqual(log, ['0 a'])
  clock.jump(3_600_000)
  await clock.advance(61_000)
  assert.equal(log.length, 2)
})

test('shutdown waits for what runs and starts nothing more', async () => {
  const { clock, log, queue } = scene({ concurrency: 1, answers: { a: [50_000] } })
  for (const key of ['a', 'b']) queue.add(key)
  queue.addAfter('c', 10)
  queue.add('a')
  let isShut = false
  const shut = queue.shutdown().then(() => {
    isShut = true
  })
  await clock.advance(99)
  assert.equal(isShut, false)
  await clock.advance(60_000)
  await shut
  queue.add('d')
  assert.deepEqual([log, queue.waiting(), clock.sleeping()], [['0 a'], 0, 0])
})
