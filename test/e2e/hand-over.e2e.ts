// Two controllers and one Lease: a leader that leaves, one that dies, and one that slept and must not write.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWrite, readDeeds } from './audit.ts'
import type { Observer } from './observer.ts'
import { beginWith, isPromoted, tryOut } from './plot.ts'
import { type Stage, setStage } from './stage.ts'

const leaseMs = 15_000
// A follower asks every two seconds at most.
const askedEveryMs = 2_000
const weights = [5, 10, 25, 50, 100]

test('a leader that leaves in the middle of a rollout is followed at once', async (t) => {
  const stage = await setStage(t, 'e2e-leave')
  const { first } = await twoControllers(stage)
  const { observer, load } = stage
  const from = Date.now()
  const revision = await tryOut(stage, { version: 'v2', weights })
  await observer.until('step 2 has traffic', () => observer.weights()[revision] === 10)
  const leftAt = Date.now()
  await first.stop()
  const next = await observer.until('the other one leads', () =>
    leaderSince(observer, 'two', leftAt),
  )
  t.diagnostic(`the other one leads ${next.at - leftAt} ms after SIGTERM`)
  assert.ok(next.at - leftAt <= 2 * askedEveryMs, `${next.at - leftAt} ms`)
  await observer.until('v2 is promoted', () => isPromoted(observer, revision))
  assert.equal(load.since(from).failed, 0)
})

test('a leader that dies is followed after its lease', async (t) => {
  const stage = await setStage(t, 'e2e-die')
  const { first } = await twoControllers(stage)
  const { observer, load } = stage
  const from = Date.now()
  const revision = await tryOut(stage, { version: 'v2', weights })
  await observer.until('step 2 has traffic', () => observer.weights()[revision] === 10)
  const diedAt = Date.now()
  first.signal('SIGKILL')
  const next = await observer.until('the other one leads', () =>
    leaderSince(observer, 'two', diedAt),
  )
  t.diagnostic(
    `the other one leads ${next.at - diedAt} ms after SIGKILL; the lease is ${leaseMs} ms`,
  )
  assert.ok(next.at - diedAt <= leaseMs + 2 * askedEveryMs, `${next.at - diedAt} ms`)
  await observer.until('v2 is promoted', () => isPromoted(observer, revision))
  assert.equal(load.since(from).failed, 0)
})

test('a leader that slept through its lease writes nothing when it wakes', async (t) => {
  const stage = await setStage(t, 'e2e-sleep')
  const { first } = await twoControllers(stage)
  const { observer, plane } = stage
  if (first.credential === '') return t.skip('without helm all controllers have one credential')
  const revision = await tryOut(stage, { version: 'v2', weights })
  await observer.until('step 2 has traffic', () => observer.weights()[revision] === 10)
  const sleptAt = Date.now()
  first.signal('SIGSTOP')
  await observer.until('the other one leads', () => leaderSince(observer, 'two', sleptAt))
  await observer.until('step 3 has traffic', () => observer.weights()[revision] === 25)
  const wokeAt = Date.now()
  first.signal('SIGCONT')
  await observer.until('v2 is promoted', () => isPromoted(observer, revision))
  const deeds = (await readDeeds(plane.auditLogPath)).filter(
    ({ credential, atMs }) => credential === first.credential && atMs >= wokeAt,
  )
  assert.deepEqual(deeds.filter(isWrite), [])
  t.diagnostic(`after it woke it asked ${deeds.length} times, and wrote nothing`)
  assert.equal(observer.holders.at(-1)?.holder, 'two')
})

async function twoControllers(stage: Stage) {
  const first = await stage.controller('one')
  await stage.observer.until('the first one leads', () => leaderSince(stage.observer, 'one', 0))
  await stage.controller('two')
  await beginWith(stage, 'v1')
  return { first }
}

function leaderSince({ holders }: Observer, name: string, since: number) {
  return holders.find(({ at, holder }) => at >= since && holder === name)
}
