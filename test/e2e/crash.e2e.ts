// A rollout of five steps during which the controller is killed at each of them, and never asked to stop.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginWith, isPromoted, tryOut } from './plot.ts'
import { type Controller, setStage } from './stage.ts'

const weights = [5, 10, 25, 50, 100]
// A new pod has another name, so it waits for the lease of the dead one, once per step.
const limitMs = 240_000

test('a controller that is killed at every step promotes all the same', async (t) => {
  const stage = await setStage(t, 'e2e-crash')
  const { observer, load } = stage
  let current: Controller = await stage.controller('life-0')
  await beginWith(stage, 'v1')
  const from = Date.now()
  const revision = await tryOut(stage, { version: 'v2', weights })
  for (const [i, weight] of weights.entries()) {
    await observer.until(
      `${weight} % is given`,
      () => observer.weights()[revision] === weight,
      60_000,
    )
    current.signal('SIGKILL')
    await current.ended
    current = await stage.controller(`life-${i + 1}`)
  }
  await observer.until('v2 is promoted', () => isPromoted(observer, revision), limitMs)
  const given = observer.routes.map((route) => route.weights[revision] ?? 0)
  assert.deepEqual(
    given.filter((weight, i) => weight > 0 && weight !== given[i - 1]),
    weights,
    'no step is left out, and none is done twice',
  )
  const { requests, failed } = load.since(from)
  assert.equal(failed, 0)
  assert.equal(load.servedByRemoved(observer.removedPods), 0)
  t.diagnostic(`${weights.length} kills, ${requests} requests, ${failed} failed`)
})
