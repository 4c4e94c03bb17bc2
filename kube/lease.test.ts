import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock, type VirtualClock } from '../test/doubles/clock.ts'
import { ApiError, type KubeApi, type KubeObject } from './api.ts'
import type { Clock } from './clock.ts'
import { createLease, type Lease } from './lease.ts'

const failure = (code: number) => new ApiError({ code, reason: 'Any', message: `status ${code}` })

/** One Lease at a server; `way` decides the fate of each request of a candidate. */
interface Server {
  lease: KubeObject | null
  readonly api: (way: () => Way) => KubeApi
}
interface Way {
  /** Ms until the request reaches the server, and until its answer is back. */
  readonly there: number
  readonly back: number
  readonly isLost: boolean
}

function createServer(clock: Clock): Server {
  let version = 0
  const carry = async <T>(way: Way, work: () => T): Promise<T> => {
    await clock.sleep(way.there)
    const result = work()
    await clock.sleep(way.back)
    if (way.isLost) throw failure(0)
    return result
  }
  const store = (object: KubeObject): KubeObject => {
    version += 1
    const metadata = { ...object.metadata, uid: 'l1', resourceVersion: String(version) }
    server.lease = structuredClone({ ...object, metadata })
    return server.lease
  }
  const server: Server = {
    lease: null,
    api: (way) =>
      ({
        get: () =>
          carry(way(), () => {
            if (!server.lease) throw failure(404)
            return server.lease
          }),
        create: (_: unknown, object: KubeObject) =>
          carry(way(), () => {
            if (server.lease) throw failure(409)
            return store(object)
          }),
        replace: (_: unknown, object: KubeObject) =>
          carry(way(), () => {
            const known = server.lease?.metadata.resourceVersion
            if (object.metadata.resourceVersion !== known) throw failure(409)
            return store(object)
          }),
      }) as unknown as KubeApi,
  }
  return server
}

interface Member {
  readonly lease: Lease
  readonly stop: () => void
  readonly done: Promise<void>
  readonly log: string[]
}

function member(
  server: Server,
  given: {
    clock: Clock
    name: string
    way?: () => Way
    random?: () => number
    requestDeadlineMs?: number
  },
): Member {
  const { clock, name, random = () => 0, requestDeadlineMs = 5_000 } = given
  const way = given.way ?? (() => ({ there: 1, back: 1, isLost: false }))
  const log: string[] = []
  const lease = createLease({
    api: server.api(way),
    clock,
    random,
    namespace: 'sluice',
    name: 'leader',
    identity: name,
    requestDeadlineMs,
    onStarted: (fence) => log.push(`started ${fence}`),
    onStopped: (because) => {
      log.push(because)
    },
  })
  const stop = new AbortController()
  return { lease, stop: () => stop.abort(), done: lease.run(stop.signal), log }
}

const skewed = (clock: VirtualClock, byMs: number): Clock => ({
  now: () => clock.now() + byMs,
  monotonic: () => clock.monotonic() + byMs * 7,
  sleep: clock.sleep,
})

test('the first leads, the second waits, and a released lease is taken at the next try', async () => {
  const clock = createVirtualClock()
  const server = createServer(clock)
  const a = member(server, { clock, name: 'a' })
  await clock.advance(100)
  const b = member(server, { clock, name: 'b' })
  await clock.advance(60_000)
  assert.deepEqual([a.lease.fence(), b.lease.fence(), b.lease.holder()], [1, null, 'a'])
  assert.deepEqual([a.lease.mayWrite(), b.lease.mayWrite()], [true, false])
  a.stop()
  await clock.advance(1_100)
  await a.done
  assert.deepEqual([a.log, b.log], [['started 1', 'this process is stopping'], ['started 2']])
  const spec = server.lease?.['spec']
  assert.deepEqual([spec.holderIdentity, spec.leaseTransitions], ['b', 2])
  assert.match(spec.renewTime, /^2026-01-01T00:01:\d\d\.\d{6}Z$/)
  b.stop()
  await clock.advance(5_000)
  await b.done
  assert.deepEqual([server.lease?.['spec'].holderIdentity, clock.sleeping()], ['', 0])
})

test('a leader that is cut off may not write long before another leads', async () => {
  const clock = createVirtualClock()
  const server = createServer(clock)
  let isCut = false
  const way = () => ({ there: isCut ? 1e9 : 1, back: 1, isLost: false })
  const a = member(server, { clock, name: 'a', way })
  await clock.advance(10_000)
  const b = member(server, { clock: skewed(clock, -3_600_000), name: 'b' })
  await clock.advance(2_000)
  isCut = true
  const times: Record<string, number> = {}
  for (let ms = 0; ms < 30_000; ms += 100) {
    await clock.advance(100)
    if (!a.lease.mayWrite()) times['a may not write'] ??= ms
    if (a.lease.fence() === null) times['a stopped'] ??= ms
    if (b.lease.mayWrite()) times['b writes'] ??= ms
  }
  const order = Object.keys(times).sort((x, y) => (times[x] ?? 0) - (times[y] ?? 0))
  assert.deepEqual(order, ['a may not write', 'a stopped', 'b writes'])
  assert.ok((times['b writes'] ?? 0) - (times['a may not write'] ?? 0) >= 4_000)
  assert.deepEqual(a.log, ['started 1', 'the lease could not be renewed for 10000 ms'])
  for (const { stop } of [a, b]) stop()
  await clock.advance(30_000)
  await Promise.all([a.done, b.done])
})

test('the slower a write may be, the earlier a leader that cannot renew stops writing', async () => {
  const stoppedAfter = async (requestDeadlineMs: number) => {
    const clock = createVirtualClock()
    let isCut = false
    const way = () => ({ there: isCut ? 1e9 : 0, back: 0, isLost: false })
    const a = member(createServer(clock), { clock, name: 'a', way, requestDeadlineMs })
    await clock.advance(0)
    isCut = true
    let ms = 0
    for (; a.lease.mayWrite(); ms += 100) await clock.advance(100)
    a.stop()
    await clock.advance(20_000)
    await a.done
    return ms
  }
  assert.deepEqual([await stoppedAfter(8_000), await stoppedAfter(5_000)], [7_000, 10_000])
})

test('a renewal whose answer was lost is found by reading, not taken for a loss', async () => {
  const clock = createVirtualClock()
  const server = createServer(clock)
  let requests = 0
  const way = () => ({ there: 1, back: 1, isLost: ++requests % 3 === 0 })
  const a = member(server, { clock, name: 'a', way })
  await clock.advance(300_000)
  assert.deepEqual(a.log, ['started 1'])
  a.stop()
  await clock.advance(10_000)
  await a.done
})

test('a leader whose lease was taken or deleted stops', async () => {
  const clock = createVirtualClock()
  const server = createServer(clock)
  const a = member(server, { clock, name: 'a' })
  await clock.advance(5_000)
  const metadata = { ...server.lease?.metadata, name: 'leader', resourceVersion: 'other' }
  const spec = { holderIdentity: 'x', leaseTransitions: 9, leaseDurationSeconds: 15 }
  server.lease = { apiVersion: 'v1', kind: 'Lease', metadata, spec }
  await clock.advance(5_000)
  assert.deepEqual(a.log, ['started 1', 'another process holds the lease'])
  await clock.advance(20_000)
  assert.deepEqual(a.log.at(-1), 'started 10')
  a.stop()
  await clock.advance(5_000)
  await a.done
})

test('times that cannot be safe are refused', () => {
  const clock = createVirtualClock()
  const times = { durationMs: 10_000, renewDeadlineMs: 10_000 }
  const named = { namespace: 'sluice', name: 'leader', identity: 'a' }
  const handlers = { onStarted: () => undefined, onStopped: () => undefined }
  const { api } = createServer(clock)
  const way = () => ({ there: 0, back: 0, isLost: false })
  const options = { api: api(way), clock, random: () => 0, ...named, ...handlers, ...times }
  assert.throws(() => createLease(options), /retry < renew deadline < duration/)
})

/** A small generator, so that a failing seed replays. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

test('three candidates, slow and torn lines, skewed clocks: never two that may write', async () => {
  let terms = 0
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = seeded(seed)
    const clock = createVirtualClock()
    const server = createServer(clock)
    const cutUntil = [0, 0, 0]
    const way = (i: number) => () => {
      if (random() < 0.02) cutUntil[i] = clock.monotonic() + random() * 40_000
      const isCut = clock.monotonic() < (cutUntil[i] ?? 0)
      const slow = () => (random() < 0.1 ? random() * 20_000 : random() * 50)
      return { there: isCut ? random() * 60_000 : slow(), back: slow(), isLost: random() < 0.1 }
    }
    const members = [0, 3_600_000, -3_600_000].map((skew, i) =>
      member(server, { clock: skewed(clock, skew), name: `c${i}`, way: way(i), random }),
    )
    let newest = 0
    for (let step = 0; step < 2_000; step += 1) {
      await clock.advance(200)
      const leading = members.filter(({ lease }) => lease.fence() !== null)
      const writing = members.filter(({ lease }) => lease.mayWrite())
      assert.ok(leading.length <= 1 && writing.length <= 1, `two leaders with seed ${seed}`)
      const fence = leading[0]?.lease.fence() ?? newest
      assert.ok(fence >= newest, `an older fence with seed ${seed}`)
      newest = fence
    }
    terms += newest
    for (const { stop } of members) stop()
    await clock.advance(200_000)
    await Promise.all(members.map(({ done }) => done))
  }
  assert.ok(terms > 60, `only ${terms} terms`)
})
