// The core's order through every codec: whatever a stored route names is told apart by stored objects before,
// and stays so until it is drained.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { converge } from '../../controller/rollout/converge.ts'
import type { Desired } from '../../controller/rollout/desired.ts'
import type { Action } from '../../controller/rollout/seen.ts'
import type { Fleet } from '../../controller/rollout/snapshot.ts'
import type { KubeObject } from '../../kube/api.ts'
import { canary, ownerOf, type RouterCase, stable } from './router.ts'
import { routerCases } from './router-cases.ts'
import { destinations, isOursEntry } from './router-objects.ts'

const owner = ownerOf('checkout', 'u-1')
const [replicas, settleMs, drainMs] = [4, 2_000, 10_000]
const rules = {
  ...{ fence: 1, replicas, settleMs, warmMs: 0, drainMs, target: canary },
  ...{ isRetreat: false, isByPods: false, yieldUntil: null },
}

const trial = (weight: number): Desired => ({
  weights: { [stable]: 100 - weight, [canary]: weight },
  aside: null,
  preview: null,
  replicas: { [stable]: replicas, [canary]: replicas },
  stable,
})
const alone = (revision: string): Desired => ({
  weights: { [revision]: 100 },
  aside: null,
  preview: null,
  replicas: { [revision]: replicas },
  stable: revision,
})
/** Promoted in steps, and aborted in the middle. */
const stories = [
  [alone(stable), trial(5), trial(50), trial(100), alone(canary)],
  [alone(stable), trial(25), alone(stable)],
]

describe('the order of writes', () => {
  for (const subject of routerCases.filter(({ router }) => router.apart !== 'labels')) {
    it(`meets no destination that is not there: ${subject.name}`, () => {
      for (const story of stories) {
        const world = createWorld(subject)
        for (const want of story) world.settle(want)
        const [last] = story.slice(-1)
        assert.deepEqual(world.subsets(), Object.keys(last?.weights ?? {}), 'one is left')
      }
    })
  }
})

function createWorld({ router, spec, users, apex }: RouterCase) {
  const at = { owner, spec }
  let now = 0
  let route = users ? (fc.sample(users, { seed: 5, numRuns: 1 })[0] ?? null) : null
  const apart = new Map<string, KubeObject>()
  const fleets = new Map<string, Fleet>([[stable, fleetOf(stable)]])
  const subsets = () => [...apart.values()].flatMap((object) => router.readSubsets(object))

  const store = (revisions: readonly string[]): void => {
    const names = router.subsetNames(at, revisions)
    for (const name of [...apart.keys()]) if (!names.includes(name)) apart.delete(name)
    for (const [i, name] of names.entries()) {
      const mine = router.apart === 'objects' ? revisions.slice(i, i + 1) : revisions
      const change = { ...at, revisions: mine, decision: 1, apex }
      apart.set(name, router.renderSubsets(apart.get(name) ?? null, change))
    }
  }
  const check = (): void => {
    if (!route || router.readRoute(route, at).since === null) return
    const ours = destinations(route, at)
      .flat()
      .filter((entry) => isOursEntry(entry, at))
    for (const entry of ours) {
      const name: string = entry.destination?.subset ?? entry.name.slice('checkout-'.length)
      assert.ok(subsets().includes(name), `${name} is named and not told apart`)
      assert.ok(entry.weight === 0 || fleets.get(name), `${name} has weight and no pods`)
    }
  }
  const apply = (action: Action): void => {
    if (action.kind === 'scale') fleets.set(action.revision, fleetOf(action.revision))
    if (action.kind === 'subsets') store(action.revisions)
    if (action.kind === 'remove') fleets.delete(action.revision)
    if (action.kind === 'route') {
      route = router.renderRoute(route, { ...at, weights: action.weights, decision: 1, now })
    }
    check()
  }
  const settle = (want: Desired): void => {
    for (let round = 0; round < 40; round += 1) {
      const stored = { ...router.readRoute(route, at), subsets: subsets(), untaken: null }
      const seen = { now, fleets: [...fleets.values()], route: stored, preview: null }
      const { actions, isSettled } = converge(want, seen, rules)
      if (isSettled) return
      for (const action of actions) apply(action)
      now += 1_000
    }
    assert.fail('the world does not settle')
  }
  return { settle, subsets }
}

function fleetOf(revision: string): Fleet {
  return { revision, desired: replicas, ready: replicas, decision: 1 }
}
