import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeApi, KubeObject, Resource } from '../../kube/api.ts'
import { replicaSets, virtualServices } from '../../kube/resources.ts'
import { runFleet } from './fleet.ts'
import { runOne } from './run.ts'
import { shrink } from './shrink.ts'
import { timeline } from './timeline.ts'

const seeds = (count: number, first = 1) => Array.from({ length: count }, (_, i) => first + i)

describe('the simulation', () => {
  it('breaks no invariant in the first seeds', async () => {
    const { violations, runs, promotedBad, abortedGood } = await runFleet(seeds(30))
    assert.deepEqual(violations, [])
    assert.deepEqual(
      { runs, promotedBad, abortedGood },
      { runs: 30, promotedBad: 0, abortedGood: 0 },
    )
  })

  it('is the same run for the same seed, and for the list of its choices', async () => {
    const first = await runOne({ seed: 7 })
    const again = await runOne({ seed: 7 })
    const listed = await runOne({ seed: 7, only: first.choices })
    assert.equal(again.hash, first.hash)
    assert.deepEqual([listed.hash, listed.choices], [first.hash, first.choices])
  })

  it('has no fault in the run of the empty list', async () => {
    const run = await runOne({ seed: 7, only: [] })
    assert.deepEqual([run.choices, run.violation], [[], null])
  })
})

type Plant = (api: KubeApi) => KubeApi

/** The API with another way to replace one kind. */
const replacing =
  (kind: Resource, change: (object: KubeObject) => KubeObject): Plant =>
  (api) => ({
    ...api,
    replace: (resource, object, options) =>
      api.replace(resource, resource.plural === kind.plural ? change(object) : object, options),
  })

/** Mistakes as a controller might make them; each must be found within a few seeds. */
const mistakes: readonly { says: string; breaks: string; plant: Plant }[] = [
  {
    says: 'routes that are written whatever they were before',
    breaks: 'A1',
    plant: replacing(
      virtualServices,
      ({ metadata: { resourceVersion: _, ...metadata }, ...rest }) => {
        return { ...rest, metadata } as KubeObject
      },
    ),
  },
  {
    says: 'weights that do not sum to 100',
    breaks: 'T1',
    plant: replacing(virtualServices, (object) => {
      const copy = structuredClone(object)
      for (const { route } of copy['spec'].http)
        for (const one of route) one.weight += route.length - 1
      return copy
    }),
  },
  {
    says: 'fleets of half the size',
    breaks: 'T5',
    plant: replacing(replicaSets, (object) => {
      const replicas = Math.floor(object['spec'].replicas / 2)
      return { ...object, spec: { ...object['spec'], replicas } }
    }),
  },
  {
    says: 'a canary that gets more than its step says',
    breaks: 'T2',
    plant: replacing(virtualServices, (object) => {
      const copy = structuredClone(object)
      for (const { route } of copy['spec'].http) {
        if (route.length !== 2) continue
        const canary = Math.min(100, route[1].weight + 7)
        route[0].weight = 100 - canary
        route[1].weight = canary
      }
      return copy
    }),
  },
]

describe('a mistake is found', () => {
  for (const { says, breaks, plant } of mistakes) {
    it(says, async () => {
      for (const seed of seeds(40)) {
        const run = await runOne({ seed, wrap: plant })
        if (!run.violation) continue
        assert.equal(run.violation.name, breaks)
        return
      }
      assert.fail('no seed found it')
    })
  }

  it('and is told with few faults and few lines', async () => {
    const [mistake] = mistakes
    const options = { seed: 1, wrap: mistake?.plant }
    const least = await shrink(options, await runOne(options))
    const told = await runOne({ ...options, only: least.choices, isTold: true })
    assert.equal(told.violation?.name, 'A1')
    assert.ok(least.choices.length <= 2)
    assert.ok(timeline(told.lines).split('\n').length <= 40)
  })
})
