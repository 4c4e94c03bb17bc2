// The main job on a real API server: a good release is promoted, a bad one is taken back and reverted in Git.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSettled, type Observer } from './observer.ts'
import { beginWith, trialOf } from './plot.ts'
import { path } from './rollout-text.ts'
import { setStage } from './stage.ts'

test('a canary is promoted step by step, without a failed request', async (t) => {
  const stage = await setStage(t, 'e2e-promote')
  await stage.controller('one')
  await beginWith(stage, 'v1')
  const { observer, load } = stage
  const before = observer.status()?.stable?.revision ?? ''
  const startedAt = Date.now()
  const commit = await stage.commit({ version: 'v2' })
  const revision = await trialOf(observer, commit)
  await observer.until('v2 is promoted and v1 is gone', () => {
    const status = observer.status()
    return status?.stable?.revision === revision && isSettled(status)
  })
  t.diagnostic(`promoted and drained after ${seconds(startedAt)} s`)
  assert.deepEqual(weightsOnTheWay(observer, revision), [5, 25, 50, 100])
  assert.deepEqual(observer.weights(), { [revision]: 100 })
  const { requests, failed } = load.since(startedAt)
  assert.ok(requests > 100, `${requests} requests`)
  assert.equal(failed, 0)
  assert.equal(load.servedByRemoved(observer.removedPods), 0)
  assert.equal(observer.weights()[before], undefined)
})

test('a bad canary is aborted, and the last good release restored by one commit', async (t) => {
  const stage = await setStage(t, 'e2e-abort')
  await stage.controller('one')
  await beginWith(stage, 'v1')
  const { observer, repository } = stage
  const good = observer.status()?.stable?.revision ?? ''
  const textBefore = await repository.file('refs/heads/main', path)
  const commit = await stage.commit({ version: 'v2', errorPercent: 30, latencyMs: 5 })
  const revision = await trialOf(observer, commit)
  const verdict = await observer.until('v2 is aborted', () =>
    observer.statuses.find(
      ({ status }) => status.phase === 'Aborted' && status.canary?.revision === revision,
    ),
  )
  const safe = await observer.until('all traffic is back on v1', () =>
    observer.routes.find(({ at, weights }) => at >= verdict.at - 50 && !weights[revision]),
  )
  t.diagnostic(`weight 0 seen ${safe.at - verdict.at} ms after the verdict was seen`)
  await observer.until('Git has the last good release', () => isSettled(observer.status()))
  assert.equal(observer.status()?.stable?.revision, good)
  assert.equal(await repository.file('refs/heads/main', path), textBefore)
  const reverts = (await repository.log()).filter(({ body }) =>
    body.includes(`Sluice-Rollout: ${stage.namespace}/checkout`),
  )
  assert.equal(reverts.length, 1)
  assert.deepEqual(observer.weights(), { [good]: 100 })
})

/** Each weight that the route gave a revision, in order. */
function weightsOnTheWay(observer: Observer, revision: string): number[] {
  const weights = observer.routes.map((route) => route.weights[revision] ?? 0)
  return weights.filter((weight, i) => weight > 0 && weight !== weights[i - 1])
}

function seconds(from: number): string {
  return ((Date.now() - from) / 1_000).toFixed(1)
}
