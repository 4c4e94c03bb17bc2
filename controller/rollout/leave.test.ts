import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRollout } from '../../crds/parse.ts'
import { revisionOf } from '../../crds/revision.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'
import { RolloutStatus } from '../../crds/rollout-status.ts'
import type { Workload } from './adopt.ts'
import { type Leaving, leave, leavingLimitMs } from './leave.ts'
import type { Fleet, Route, Snapshot } from './snapshot.ts'

const good = revisionOf({ spec: { image: 'good' } })
const bad = revisionOf({ spec: { image: 'bad' } })
const now = 1_000_000

const fleet = (revision: string, desired: number, ready = desired): Fleet => ({
  revision,
  desired,
  ready,
  decision: 5,
})
const route = (weights: Route['weights']): Route => ({
  weights,
  aside: null,
  subsets: Object.keys(weights).length > 0 ? Object.keys(weights) : [good],
  decision: 5,
  since: now - 60_000,
  untaken: null,
})
const deployment = (desired: number, ready = desired): Workload => ({
  name: 'checkout',
  desired,
  pods: desired,
  ready,
  isSettled: true,
  isHeld: false,
  problem: null,
})
const spec = specOf()

function specOf(): RolloutSpec {
  const parsed = parseRollout({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'checkout' },
    spec: {
      replicas: 4,
      selector: { matchLabels: { app: 'checkout' } },
      template: { spec: { image: 'good' } },
      traffic: { istio: { host: 'checkout' }, settle: '10s', drain: '10s' },
      canary: { steps: [{ weight: 50 }] },
    },
  })
  assert.ok(parsed.ok)
  return parsed.value.spec
}

function snapshot(more: Partial<Snapshot>): Snapshot {
  return {
    now,
    identity: { namespace: 'shop', name: 'checkout', uid: 'u', generation: 1 },
    spec,
    target: { revision: good },
    status: RolloutStatus.parse({
      decision: 5,
      fence: 5,
      phase: 'Stable',
      stable: { revision: good },
    }),
    fleets: [fleet(good, 4)],
    route: route({ [good]: 100 }),
    verdict: null,
    commands: [],
    revert: null,
    obstacle: null,
    contest: null,
    unread: null,
    workload: null,
    pods: [],
    preview: null,
    ...more,
  }
}

const trial = RolloutStatus.parse({
  decision: 5,
  fence: 5,
  phase: 'Progressing',
  stable: { revision: good },
  canary: { revision: bad },
  step: 0,
  since: new Date(now - 60_000).toISOString(),
})
const inTrial = {
  status: trial,
  fleets: [fleet(good, 4), fleet(bad, 2)],
  route: route({ [good]: 50, [bad]: 50 }),
}
const given = { since: now - 1_000, releasedAt: null }
const released = { since: now - 60_000, releasedAt: now - 30_000 }
const size = (replicas: number) => ({ kind: 'workload', name: 'checkout', replicas, isHeld: false })

const rows: [string, Partial<Snapshot>, Parameters<typeof leave>[1], object][] = [
  ['nothing under way', {}, given, { kind: 'done' }],
  [
    'a trial',
    inTrial,
    given,
    { actions: [{ kind: 'route', weights: { [good]: 100 }, aside: null }] },
  ],
  [
    'a canary that drains',
    { ...inTrial, route: { ...route({ [good]: 100 }), since: now } },
    given,
    { kind: 'act', actions: [] },
  ],
  [
    'a canary that is drained',
    { ...inTrial, route: { ...route({ [good]: 100 }) } },
    given,
    { actions: [{ kind: 'remove', revision: bad }] },
  ],
  [
    'a trial whose stable has no pods',
    { ...inTrial, fleets: [fleet(good, 4, 0), fleet(bad, 2)] },
    given,
    { kind: 'act', actions: [] },
  ],
  [
    'the same for too long',
    { ...inTrial, fleets: [fleet(good, 4, 0), fleet(bad, 2)] },
    { since: now - leavingLimitMs, releasedAt: null },
    { kind: 'done' },
  ],
  ['a Deployment', { workload: deployment(0) }, given, { actions: [{ kind: 'release' }] }],
  [
    'a Deployment whose route is released',
    { workload: deployment(0), route: route({}) },
    released,
    { actions: [size(1)] },
  ],
  [
    'a first pod of the Deployment',
    { workload: deployment(1), route: route({}) },
    released,
    { actions: [{ kind: 'scale', revision: good, replicas: 3 }] },
  ],
  [
    'proxies that may not know yet',
    { workload: deployment(1), route: route({}) },
    { since: now - 5_000, releasedAt: now - 5_000 },
    { kind: 'act', actions: [], wakeAt: now + 5_000 },
  ],
  [
    'the last pods of the Deployment on their way',
    { workload: deployment(4, 3), route: route({}), fleets: [fleet(good, 1)] },
    released,
    { kind: 'act', actions: [] },
  ],
  [
    'all pods of the Deployment',
    { workload: deployment(4), route: route({}), fleets: [fleet(good, 0)] },
    released,
    { kind: 'done' },
  ],
  [
    'a Deployment that asks for a bad release',
    {
      workload: deployment(0),
      target: { revision: bad },
      status: RolloutStatus.parse({
        ...snapshot({}).status,
        quarantine: [{ revision: bad, because: 'errors', at: new Date(now).toISOString() }],
      }),
    },
    given,
    { kind: 'held' },
  ],
  ['nothing decided yet', { status: RolloutStatus.parse({}) }, given, { kind: 'done' }],
]
for (const [name, more, going, expected] of rows) {
  test(`a Rollout that is deleted with ${name} does what is left to do`, () => {
    const leaving: Leaving = leave(snapshot(more), going)
    const shown = Object.entries(leaving).filter(([field]) => field in expected)
    assert.deepEqual(Object.fromEntries(shown), expected)
  })
}
