// Blue-green on a real API server: one switch to a release that stands ready, and one switch back from a bad one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSettled, type Observer, type Weights } from './observer.ts'
import { beginWith, isPromoted, trialOf } from './plot.ts'
import { path } from './rollout-text.ts'
import { setStage } from './stage.ts'

const isBlueGreen = true

test('blue-green moves all traffic in one write, to as many pods as before', async (t) => {
  const stage = await setStage(t, 'e2e-blue-green')
  await stage.controller('one')
  await beginWith(stage, 'v1')
  const { observer, load } = stage
  const good = observer.status()?.stable?.revision ?? ''
  const from = Date.now()
  const commit = await stage.commit({ version: 'v2', isBlueGreen, hold: '3s' })
  const revision = await trialOf(observer, commit)
  await observer.until('v2 is promoted', () => isPromoted(observer, revision))
  assert.deepEqual(splits(observer, from), [{ [good]: 100 }, { [revision]: 100 }])
  const { requests, failed } = load.since(from)
  assert.ok(requests > 100, `${requests} requests`)
  assert.equal(failed, 0)
  assert.equal(load.servedByRemoved(observer.removedPods), 0)
})

test('a release that fails after the switch loses all traffic in one write, and Git is restored', async (t) => {
  const stage = await setStage(t, 'e2e-blue-green-abort')
  await stage.controller('one')
  const { observer, repository } = stage
  await stage.commit({ version: 'v1', isBlueGreen, hold: '30s' })
  await observer.until('v1 is stable', () => isSettled(observer.status()))
  const good = observer.status()?.stable?.revision ?? ''
  const textBefore = await repository.file('refs/heads/main', path)
  const from = Date.now()
  const bad = { version: 'v2', errorPercent: 40, isBlueGreen, hold: '30s' }
  const revision = await trialOf(observer, await stage.commit(bad))
  await observer.until('v2 is aborted', () => observer.status()?.phase === 'Aborted')
  await observer.until('Git has the last good release', () => isSettled(observer.status()))
  assert.deepEqual(splits(observer, from), [{ [good]: 100 }, { [revision]: 100 }, { [good]: 100 }])
  assert.equal(await repository.file('refs/heads/main', path), textBefore)
})

/** Weights above zero, each as long as it did not change, from a time on. */
function splits({ routes }: Observer, from: number): Weights[] {
  const before = routes.filter(({ at }) => at < from).slice(-1)
  const texts = [...before, ...routes.filter(({ at }) => at >= from)].map(({ weights }) =>
    JSON.stringify(Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight > 0))),
  )
  return texts.filter((text, i) => text !== texts[i - 1]).map((text): Weights => JSON.parse(text))
}
