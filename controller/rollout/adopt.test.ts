import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { adopt, giveBack, surgeOf, type Workload } from './adopt.ts'

const deployment = (desired: number, ready = desired, pods = desired): Workload => ({
  name: 'checkout',
  desired,
  pods,
  ready,
  isSettled: true,
  isHeld: true,
  problem: null,
})
const fleet = (desired: number, ready = desired) => ({ desired, ready })

const rows: [string, number, Workload, ReturnType<typeof fleet>, [number, number]][] = [
  ['the first part', 8, deployment(8), fleet(0), [2, 8]],
  ['pods that are not ready yet', 8, deployment(8), fleet(2, 0), [2, 8]],
  ['pods that became ready', 8, deployment(8), fleet(2), [2, 6]],
  ['pods of the Deployment that still end', 8, deployment(6, 6, 8), fleet(2), [2, 6]],
  ['pods of the Deployment that ended', 8, deployment(6), fleet(2), [4, 6]],
  ['the last part', 8, deployment(2), fleet(8, 6), [8, 2]],
  ['all taken over', 8, deployment(0), fleet(8), [8, 0]],
  ['a single pod', 1, deployment(1), fleet(0), [1, 1]],
  ['a single pod beside a ready one', 1, deployment(1), fleet(1), [1, 0]],
  ['a Deployment scaled up again by a stranger', 8, deployment(3), fleet(8), [8, 0]],
  ['a fleet that lost a pod', 8, deployment(3), fleet(8, 7), [8, 1]],
  ['more pods asked for in between', 10, deployment(2), fleet(6), [10, 2]],
  ['no pods asked for', 0, deployment(0), fleet(0), [0, 0]],
]
for (const [name, replicas, from, to, sizes] of rows) {
  test(`adoption with ${name} goes on at ${sizes.join(' and ')}`, () => {
    assert.deepEqual(adopt(replicas, from, to), { fleet: sizes[0], workload: sizes[1] })
  })
}

interface Side {
  desired: number
  ready: number
  pods: number
}
type Turn = (replicas: number, from: Side, to: Side) => { from: number; to: number }

const turns: Readonly<Record<string, Turn>> = {
  adoption: (replicas, from, to) => {
    const sizes = adopt(replicas, deployment(from.desired, from.ready, from.pods), to)
    return { from: sizes.workload, to: sizes.fleet }
  },
  'giving back': (replicas, from, to) => {
    const sizes = giveBack(replicas, deployment(to.desired, to.ready), from)
    return { from: sizes.fleet, to: sizes.workload }
  },
}
for (const [name, turn] of Object.entries(turns)) {
  test(`${name} ends, with never too few ready pods and never many too many, whatever is ready when`, () => {
    const moments = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 150, maxLength: 150 })
    const property = fc.property(fc.integer({ min: 1, max: 30 }), moments, (replicas, given) => {
      const from = { desired: replicas, ready: replicas, pods: replicas }
      const to = { desired: 0, ready: 0, pods: 0 }
      for (const [started, ended] of given) {
        const sizes = turn(replicas, from, to)
        to.desired = sizes.to
        from.desired = sizes.from
        from.ready = Math.min(from.ready, from.desired)
        assert.ok(from.ready + to.ready >= replicas, `${from.ready} and ${to.ready}`)
        const asked = Math.max(from.desired, name === 'adoption' ? from.pods : 0) + to.desired
        assert.ok(asked <= replicas + surgeOf(replicas), `${asked} pods for ${replicas}`)
        to.ready = Math.min(to.desired, to.ready + started)
        from.pods = Math.max(from.desired, from.pods - ended)
      }
      const moved = given.filter(([started, ended]) => started > 0 && ended > 0).length
      if (moved > 2 * replicas) assert.deepEqual([from.desired, to.ready], [0, replicas])
    })
    fc.assert(property, { seed: 3, numRuns: 300 })
  })
}
