import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRollout } from '../../crds/parse.ts'
import { revisionOf } from '../../crds/revision.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'
import { World } from '../../test/doubles/world.ts'
import type { Workload } from './adopt.ts'
import type { Pod } from './snapshot.ts'

const template = { spec: { containers: [{ name: 'app', image: 'app:1' }] } }
const revision = revisionOf(template)

function spec(more: object = {}): RolloutSpec {
  const parsed = parseRollout({
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'checkout' },
    spec: {
      replicas: 4,
      selector: { matchLabels: { app: 'checkout' } },
      template,
      traffic: { istio: { host: 'checkout' }, settle: '1s', drain: '1s' },
      canary: { steps: [{ weight: 50 }] },
      ...more,
    },
  })
  assert.ok(parsed.ok)
  return parsed.value.spec
}

const deployment: Workload = {
  name: 'checkout',
  desired: 4,
  pods: 4,
  ready: 4,
  isSettled: true,
  isHeld: false,
  problem: null,
}

test('pods are taken over from a Deployment part by part, and traffic follows when all are there', () => {
  const world = new World(spec())
  world.workload = deployment
  const sizes: string[] = []
  for (let tick = 0; tick < 20; tick += 1) {
    world.tick()
    const { desired = 0, isHeld = false } = world.workload ?? {}
    const size = `${world.fleets[0]?.desired ?? 0}+${desired}${isHeld ? ' held' : ''} ${Object.keys(world.route.weights).length}`
    if (sizes.at(-1) !== size) sizes.push(size)
  }
  // Fleet and Deployment, and how many revisions the route names.
  assert.deepEqual(sizes, [
    '0+4 0',
    '1+4 held 0',
    '1+3 held 0',
    '2+3 held 0',
    '2+2 held 0',
    '3+2 held 0',
    '3+1 held 0',
    '4+1 held 0',
    '4+0 1',
  ])
  world.pass(5)
  assert.deepEqual(world.route.weights, { [revision]: 100 })
  assert.equal(world.status.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
})

const obstacles: [string, Partial<Workload>, RegExp][] = [
  ['rolls out', { isSettled: false }, /still rolling out/],
  ['is paused', { problem: 'Deployment checkout is paused: resume it' }, /is paused/],
  ['runs more pods than asked for', { desired: 9, pods: 9, ready: 9 }, /spec\.replicas is 4/],
]
for (const [name, more, message] of obstacles) {
  test(`a Deployment that ${name} is left alone, and the status says why`, () => {
    const world = new World(spec())
    world.workload = { ...deployment, ...more }
    for (let tick = 0; tick < 5; tick += 1) world.tick()
    assert.deepEqual(world.workload, { ...deployment, ...more })
    assert.deepEqual(
      world.fleets.map((fleet) => fleet.desired),
      [0],
    )
    assert.equal(world.status.blockedBy?.reason, 'AdoptionHeld')
    assert.match(world.status.blockedBy?.message ?? '', message)
  })
}

test('a Deployment that a stranger scales up again is scaled down, and traffic stays where it is', () => {
  const world = new World(spec())
  world.settle()
  world.pass(3)
  world.workload = { ...deployment, isSettled: false }
  world.tick()
  assert.deepEqual([world.workload?.desired, world.workload?.isHeld], [0, false])
  assert.deepEqual(
    world.fleets.map((fleet) => fleet.desired),
    [4],
  )
})

test('a Deployment that still has pods when a trial is aborted loses them then', () => {
  const world = new World(spec())
  world.settle()
  world.pass(3)
  const next = { spec: { containers: [{ name: 'app', image: 'app:2' }] } }
  const canary = { steps: [{ weight: 50, hold: '10m' }] }
  world.ask(spec({ template: next, canary }), 'c2')
  world.pass(3)
  world.workload = { ...deployment, desired: 2, pods: 2, ready: 2 }
  world.say('abort')
  world.pass(10)
  assert.equal(world.status.phase, 'Aborted')
  assert.equal(world.workload?.desired, 0)
})

test('pods are replaced one by one beside a spare one, once for each time that is asked for', () => {
  const world = new World(spec())
  world.settle()
  world.pass(3)
  const at = world.now
  const pod = (name: string, createdAt: number): Pod => {
    return { name, uid: name, createdAt, isReady: true, isGoing: false }
  }
  world.pods = ['a', 'b', 'c', 'd'].map((name, i) => pod(name, at - 1_000 * (9 - i)))
  world.spec = spec({ restartAt: new Date(at + 1_000).toISOString() })
  assert.equal(world.settle().wakeAt, at + 1_000, 'it wakes when it is due')
  world.now = at + 1_000
  const gone: string[] = []
  let made = 0
  for (let tick = 0; tick < 60 && !world.status.restart?.endedAt; tick += 1) {
    const before = world.pods.map(({ name }) => name)
    world.tick()
    const after = new Set(world.pods.map(({ name }) => name))
    gone.push(...before.filter((name) => !after.has(name)))
    assert.ok(world.pods.length >= 4, 'never fewer than asked for')
    world.now += 100
    const [fleet] = world.fleets
    if (fleet && world.pods.length < fleet.desired) {
      made += 1
      world.pods = [...world.pods, pod(`new-${made}`, world.now)]
    }
  }
  assert.deepEqual(gone, ['a', 'b', 'c', 'd'])
  assert.equal(world.status.restart?.left, 0)
  world.pass(3)
  assert.deepEqual(
    world.fleets.map((fleet) => fleet.desired),
    [4],
  )
  world.pods = [pod('old', at - 9_000)]
  world.pass(3)
  assert.equal(world.pods.length, 1, 'the same time is not asked for twice')
})

test('a spare pod that a quota forbids is said in the status, and no pod goes', () => {
  const world = new World(spec())
  world.settle()
  world.pass(3)
  world.pods = [{ name: 'a', uid: 'a', createdAt: 0, isReady: true, isGoing: false }]
  world.ready = (_, desired) => Math.min(4, desired)
  world.spec = spec({ restartAt: new Date(world.now).toISOString() })
  world.pass(5)
  world.fleets = world.fleets.map((fleet) => ({ ...fleet, trouble: 'exceeded quota: pods' }))
  world.pass(70)
  assert.equal(world.status.blockedBy?.reason, 'Restarting')
  assert.match(world.status.blockedBy?.message ?? '', /exceeded quota: pods/)
  assert.deepEqual(
    world.fleets.map(({ desired }) => desired),
    [5],
  )
  assert.equal(world.pods.length, 1)
})

test('nothing is restarted in a trial', () => {
  const world = new World(spec())
  world.settle()
  world.pass(3)
  world.outcome = () => 'Inconclusive'
  const next = { spec: { containers: [{ name: 'app', image: 'app:2' }] } }
  const restartAt = new Date(world.now).toISOString()
  world.ask(
    spec({ template: next, restartAt, canary: { steps: [{ weight: 50, hold: '5m' }] } }),
    'c2',
  )
  world.pods = [{ name: 'a', uid: 'a', createdAt: 0, isReady: true, isGoing: false }]
  world.pass(10)
  assert.equal(world.status.phase, 'Progressing')
  assert.equal(world.pods.length, 1)
})
