import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { revisionOf } from '../../crds/revision.ts'
import { RolloutStatus } from '../../crds/rollout-status.ts'
import { World } from '../../test/doubles/world.ts'
import { rolloutSpec, template } from '../../test/fixtures/rollout.ts'

const v1 = revisionOf(template('checkout:v1'))
const v2 = revisionOf(template('checkout:v2'))
const v3 = revisionOf(template('checkout:v3'))
const spec = (image: string, over: Record<string, unknown> = {}) =>
  rolloutSpec({ template: template(image), ...over })

function running(over: Record<string, unknown> = {}): World {
  const world = new World(spec('checkout:v1', over))
  world.pass(20)
  return world
}

describe('a rollout', () => {
  it('serves its first revision at once, when its pods are ready', () => {
    const world = new World(spec('checkout:v1'))
    world.ready = () => 0
    world.pass(5)
    assert.deepEqual(world.route.weights, {}, 'no route before pods are ready')
    world.pass(40)
    assert.equal(world.status.blockedBy?.reason, 'PodsNotReady', 'and after a while it says so')
    world.ready = (_, desired) => desired
    world.fleets = world.fleets.map((fleet) => ({ ...fleet, ready: fleet.desired }))
    world.pass(5)
    assert.deepEqual(world.route.weights, { [v1]: 100 })
    assert.equal(world.status.phase, 'Stable')
  })

  it('promotes a good revision step by step and then removes the old pods', () => {
    const world = running()
    const writesBefore = world.writes
    world.ask(spec('checkout:v2'), 'c2')
    world.settle()
    assert.deepEqual(
      world.route.weights,
      { [v1]: 95, [v2]: 5 },
      'the first weight needs no waiting',
    )
    world.pass(80)
    assert.equal(world.status.stable?.revision, v2)
    assert.deepEqual(world.route.weights, { [v2]: 100 })
    world.pass(15)
    assert.deepEqual(
      world.fleets.map((fleet) => fleet.revision),
      [v2],
    )
    assert.deepEqual(world.route.subsets, [v2])
    assert.deepEqual(
      world.log.map((line) => line.split(':')[0]),
      ['Created', 'Started', 'StepAdvanced', 'Promoted'],
    )
    assert.ok(world.writes - writesBefore <= 25, `${world.writes - writesBefore} writes`)
  })

  it('then writes nothing while nothing changes', () => {
    const world = running()
    world.ask(spec('checkout:v2'), 'c2')
    world.pass(120)
    const { writes } = world
    world.pass(600)
    assert.equal(world.writes, writes)
  })

  it('stores the failed verdict, moves traffic, asks for the revert, and only then removes pods', () => {
    const world = running()
    world.outcome = (revision) => (revision === v2 ? 'Failed' : 'Passed')
    world.ask(spec('checkout:v2'), 'c2')
    for (let i = 0; i < 3; i += 1) world.tick()
    world.now += 2_000
    while (world.status.phase !== 'Aborted') world.tick()
    assert.deepEqual(world.route.weights, { [v1]: 95, [v2]: 5 }, 'verdict before traffic')
    world.tick()
    assert.deepEqual(world.route.weights, { [v1]: 100 })
    assert.equal(world.status.revert?.state, 'Requested')
    assert.ok(
      !world.log.includes(`revert ${v2}`),
      'traffic is seen on stable before Git is written',
    )
    world.pass(3)
    assert.equal(world.status.revert?.state, 'Committed')
    assert.ok(
      world.fleets.some((fleet) => fleet.revision === v2),
      'pods drain',
    )
    world.pass(12)
    assert.deepEqual(
      world.fleets.map((fleet) => fleet.revision),
      [v1],
    )
    world.ask(spec('checkout:v1'), 'r1')
    world.pass(3)
    assert.equal(world.status.phase, 'Stable')
    assert.equal(world.log.filter((line) => line.startsWith('revert')).length, 1)
  })

  it('never tries a failed revision again until a person says retry', () => {
    const world = running()
    world.outcome = () => 'Failed'
    world.ask(spec('checkout:v2'), 'c2')
    world.pass(30)
    world.ask(spec('checkout:v1'), 'r1')
    world.pass(5)
    world.ask(spec('checkout:v2'), 'c3')
    world.pass(60)
    assert.deepEqual(world.route.weights, { [v1]: 100 })
    assert.equal(world.status.blockedBy?.reason, 'Quarantined')
    world.outcome = () => 'Passed'
    world.say('retry', { revision: v2 })
    world.pass(120)
    assert.equal(world.status.stable?.revision, v2)
    assert.equal(world.status.attempt, 2)
  })

  it('takes traffic from a superseded canary before the next one gets any', () => {
    const world = running()
    world.ask(spec('checkout:v2'), 'c2')
    world.pass(5)
    world.ask(spec('checkout:v3'), 'c3')
    const seen: string[] = []
    for (let i = 0; i < 8; i += 1) {
      world.settle()
      seen.push(JSON.stringify(world.route.weights))
      world.now += 1_000
    }
    assert.deepEqual(
      [...new Set(seen)],
      [JSON.stringify({ [v1]: 100 }), JSON.stringify({ [v1]: 95, [v3]: 5 })],
    )
    assert.equal(world.status.history?.[0]?.outcome, 'Superseded')
  })

  const noEvidence = [
    { outcome: 'Inconclusive', policy: {}, phase: 'Paused' },
    { outcome: 'Error', policy: {}, phase: 'Paused' },
    { outcome: 'Inconclusive', policy: { onInconclusive: 'abort' }, phase: 'Aborted' },
    { outcome: 'Error', policy: { onError: 'abort' }, phase: 'Aborted' },
  ] as const
  for (const { outcome, policy, phase } of noEvidence) {
    it(`without evidence (${outcome}, ${JSON.stringify(policy)}) holds, then is ${phase}, never promoted`, () => {
      const checks = [{ name: 'errors', successRate: { min: 99 } }]
      const world = running({ analysis: { checks, ...policy } })
      world.outcome = () => outcome
      world.ask(spec('checkout:v2', { analysis: { checks, ...policy } }), 'c2')
      world.pass(9 * 60)
      assert.equal(world.status.phase, 'Progressing')
      assert.equal(world.status.step, 0)
      world.pass(2 * 60)
      assert.equal(world.status.phase, phase)
      assert.equal(world.status.stable?.revision, v1)
      if (phase === 'Aborted') assert.equal(world.status.revert?.state, 'Off')
    })
  }

  it('aborts when pods of the canary are not ready by the deadline, with their trouble as reason', () => {
    const world = running()
    world.ready = (revision, desired) => (revision === v2 ? 0 : desired)
    world.ask(spec('checkout:v2'), 'c2')
    world.pass(60)
    assert.equal(world.status.blockedBy?.reason, 'PodsNotReady')
    world.pass(9 * 60 + 5)
    assert.equal(world.status.phase, 'Aborted')
    assert.match(world.status.because ?? '', /0 of 1 pods of revision .* are ready/)
    assert.deepEqual(world.route.weights, { [v1]: 100 })
  })

  it('aborts in the middle of a step when the canary loses all its pods', () => {
    const world = running()
    world.ask(spec('checkout:v2'), 'c2')
    world.pass(5)
    world.fleets = world.fleets.map((f) => (f.revision === v2 ? { ...f, ready: 0 } : f))
    world.settle()
    assert.equal(world.status.phase, 'Aborted')
    assert.deepEqual(world.route.weights, { [v1]: 100 })
  })

  it('steps back and makes the fleet of the canary again when somebody deletes it', () => {
    const world = running()
    world.ask(spec('checkout:v2'), 'c2')
    world.pass(5)
    world.fleets = world.fleets.filter((fleet) => fleet.revision !== v2)
    world.tick()
    assert.deepEqual(world.route.weights, { [v1]: 100 })
    world.pass(5)
    assert.equal(world.status.phase, 'Progressing')
    assert.equal(world.route.weights[v2], 5)
    world.pass(120)
    assert.equal(world.status.stable?.revision, v2)
  })

  it('on abort moves only what the ready pods of stable can carry', () => {
    const world = running()
    world.ask(spec('checkout:v2'), 'c2')
    world.pass(50)
    assert.equal(world.route.weights[v2], 50)
    world.fleets = world.fleets.map((f) => (f.revision === v1 ? { ...f, ready: 3 } : f))
    world.say('abort')
    world.settle()
    assert.deepEqual(world.route.weights, { [v1]: 75, [v2]: 25 })
    world.fleets = world.fleets.map((f) => (f.revision === v1 ? { ...f, ready: 4 } : f))
    world.settle()
    assert.deepEqual(world.route.weights, { [v1]: 100 })
  })
})

describe('a rollout with 0 replicas', () => {
  it('is at rest, tries nothing, and serves when it is scaled up', () => {
    const world = new World(spec('checkout:v1', { replicas: 0 }))
    world.pass(20)
    assert.deepEqual(world.route.weights, {})
    world.ask(spec('checkout:v1', { replicas: 2 }), 'c1')
    world.pass(5)
    assert.deepEqual(world.route.weights, { [v1]: 100 })
    world.ask(spec('checkout:v1', { replicas: 0 }), 'c1')
    world.pass(5)
    world.ask(spec('checkout:v2', { replicas: 0 }), 'c2')
    world.pass(60)
    assert.equal(world.status.stable?.revision, v1)
    assert.equal(world.status.blockedBy?.reason, 'ScaledToZero')
    world.ask(spec('checkout:v2', { replicas: 2 }), 'c2')
    world.pass(120)
    assert.equal(world.status.stable?.revision, v2)
  })
})

describe('a status that was lost', () => {
  it('goes on from the numbers that its objects carry, with traffic where it is', () => {
    const world = running()
    world.ask(spec('checkout:v2'), 'c2')
    world.pass(120)
    const { weights } = world.route
    world.status = RolloutStatus.parse({})
    world.pass(20)
    assert.deepEqual(world.route.weights, weights)
    assert.equal(world.status.stable?.revision, v2)
    assert.ok(world.status.decision > world.route.decision - 1)
  })
})

describe('people', () => {
  const steps = {
    canary: {
      steps: [
        { weight: 5, approval: true },
        { weight: 50, hold: '30s' },
      ],
    },
  }

  it('approve a step once, and one promote passes one step', () => {
    const world = running(steps)
    world.ask(spec('checkout:v2', steps), 'c2')
    world.pass(30)
    assert.equal(world.status.step, 0)
    assert.equal(world.status.blockedBy?.reason, 'Approval')
    world.say('promote', { revision: v2, step: 0, why: 'looks good' })
    world.settle()
    assert.equal(world.status.step, 1)
    assert.match(world.status.because ?? '', /ada promoted it \(looks good\)/)
    world.pass(10)
    assert.equal(world.status.step, 1, 'the same promote does not pass the next step')
  })

  it('promote in full past the steps and gates that are left, and not past pods', () => {
    const world = running(steps)
    world.outcome = () => 'Inconclusive'
    world.ready = (revision, desired) => (revision === v2 && desired > 1 ? 1 : desired)
    world.ask(spec('checkout:v2', steps), 'c2')
    world.pass(5)
    world.say('promote', { revision: v2, step: 0, full: true, why: 'it is a fix' })
    world.settle()
    assert.equal(world.status.stable?.revision, v2)
    assert.match(world.status.because ?? '', /ada promoted it in full \(it is a fix\)/)
    assert.ok(
      (world.route.weights[v2] ?? 0) < 100,
      'one ready pod of four gets no more than its share',
    )
    world.ready = (_, desired) => desired
    world.fleets = world.fleets.map((fleet) => ({ ...fleet, ready: fleet.desired }))
    world.pass(5)
    assert.deepEqual(world.route.weights, { [v2]: 100 })
  })

  it('may wait for approval longer than the deadline', () => {
    const world = running(steps)
    world.ask(spec('checkout:v2', steps), 'c2')
    world.pass(15 * 60)
    assert.equal(world.status.phase, 'Progressing')
  })

  it('abort beats promote when both are said at once', () => {
    const world = running(steps)
    world.ask(spec('checkout:v2', steps), 'c2')
    world.pass(10)
    world.say('promote')
    world.say('abort')
    world.settle()
    assert.equal(world.status.phase, 'Aborted')
    assert.deepEqual(Object.keys(world.status.commands ?? {}), ['promote', 'abort'])
  })

  it('are told when a command was meant for another revision or step', () => {
    const world = running(steps)
    world.ask(spec('checkout:v2', steps), 'c2')
    world.pass(10)
    world.say('promote', { revision: v3 })
    world.settle()
    assert.equal(world.status.step, 0)
    assert.match(world.log.at(-1) ?? '', /CommandRefused: promote by ada came too late/)
    world.pass(5)
    assert.equal(world.log.filter((line) => line.startsWith('CommandRefused')).length, 1)
  })

  it('pause a rollout, whose weight then never rises, and a failed verdict still aborts it', () => {
    const world = running()
    world.ask(spec('checkout:v2'), 'c2')
    world.tick()
    world.say('pause')
    world.pass(60)
    assert.equal(world.status.phase, 'Paused')
    assert.equal(world.route.weights[v2] ?? 0, 0, 'paused before the first weight')
    world.say('resume')
    world.pass(5)
    assert.equal(world.route.weights[v2], 5)
    world.say('pause')
    world.settle()
    world.outcome = () => 'Failed'
    world.pass(5)
    assert.equal(world.status.phase, 'Aborted')
  })
})

describe('blue-green', () => {
  const blueGreen = { canary: undefined, blueGreen: { hold: '20s' } }

  it('starts the whole new revision without traffic, then switches in one write', () => {
    const world = running(blueGreen)
    world.ask(spec('checkout:v2', blueGreen), 'c2')
    const seen: string[] = []
    for (let i = 0; i < 60; i += 1) {
      world.settle()
      seen.push(JSON.stringify(world.route.weights))
      world.now += 1_000
    }
    assert.deepEqual(
      [...new Set(seen)],
      [
        JSON.stringify({ [v1]: 100, [v2]: 0 }),
        JSON.stringify({ [v1]: 0, [v2]: 100 }),
        JSON.stringify({ [v2]: 100 }),
      ],
    )
    assert.equal(world.status.stable?.revision, v2)
  })
})
