import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { revisionOf } from '../../crds/revision.ts'
import { World } from '../../test/doubles/world.ts'
import { rolloutSpec, template } from '../../test/fixtures/rollout.ts'

const v1 = revisionOf(template('checkout:v1'))
const v2 = revisionOf(template('checkout:v2'))
const v3 = revisionOf(template('checkout:v3'))
const spec = (image: string, over: Record<string, unknown> = {}) =>
  rolloutSpec({ template: template(image), ...over })
const checks = [{ name: 'errors', successRate: { min: 99 } }]
const beta = { headers: { 'x-beta': { exact: '1' } } }

function trial(over: Record<string, unknown>): World {
  const world = new World(spec('checkout:v1', over))
  world.pass(20)
  world.ask(spec('checkout:v2', over), 'c2')
  world.settle()
  return world
}
const sizes = (world: World) =>
  Object.fromEntries(world.fleets.map(({ revision, desired }) => [revision, desired]))

describe('what stands beside the weights', () => {
  const steps = [
    { weight: 0, match: beta, hold: '30s' },
    { weight: 50, mirror: 20, hold: '30s' },
  ]

  it('is written with its step, changed with the next, and gone at the end', () => {
    const world = trial({ canary: { steps } })
    const matched = { revision: v2, match: beta }
    assert.deepEqual([world.route.weights, world.route.aside], [{ [v1]: 100, [v2]: 0 }, matched])
    world.pass(40)
    const mirrored = { revision: v2, mirrorPercent: 20 }
    assert.deepEqual([world.route.weights[v2], world.route.aside], [50, mirrored])
    world.pass(60)
    assert.deepEqual([world.route.weights, world.route.aside], [{ [v2]: 100 }, null])
  })

  it('waits for a pod, and is checked although the weight is 0', () => {
    const over = { canary: { steps } }
    const world = new World(spec('checkout:v1', over))
    world.pass(20)
    world.ready = (revision, desired) => (revision === v2 ? 0 : desired)
    world.ask(spec('checkout:v2', over), 'c2')
    world.pass(5)
    assert.equal(world.route.aside, null)
    world.fleets = world.fleets.map((fleet) => ({ ...fleet, ready: fleet.desired }))
    world.outcome = () => 'Failed'
    world.pass(5)
    assert.equal(world.status.phase, 'Aborted')
    assert.deepEqual([world.route.weights, world.route.aside], [{ [v1]: 100 }, null])
  })

  it('leaves a superseded canary before the next one has it', () => {
    const world = trial({ canary: { steps } })
    world.ask(spec('checkout:v3', { canary: { steps } }), 'c3')
    world.tick()
    world.tick()
    assert.deepEqual([world.route.weights, world.route.aside], [{ [v1]: 100 }, null])
    world.pass(5)
    assert.equal(world.route.aside?.revision, v3)
  })

  it('is written again when somebody took it away', () => {
    const world = trial({ canary: { steps } })
    world.route = { ...world.route, aside: null }
    world.settle()
    assert.equal(world.route.aside?.revision, v2)
  })
})

describe('pods that became ready just now', () => {
  it('get their first requests when proxies know them, and later ones at once', () => {
    const world = new World(spec('checkout:v1'))
    world.pass(20)
    world.ask(spec('checkout:v2'), 'c2')
    world.ready = (revision, desired) => (revision === v2 ? 0 : desired)
    world.settle()
    const readyAt = world.now
    world.fleets = world.fleets.map((fleet) =>
      fleet.revision === v2 ? { ...fleet, ready: 1, servingSince: readyAt } : fleet,
    )
    assert.equal(world.settle().wakeAt, readyAt + 500)
    assert.deepEqual(world.route.weights, { [v1]: 100 })
    world.now += 500
    world.settle()
    assert.deepEqual(world.route.weights, { [v1]: 95, [v2]: 5 })
  })
})

describe('a route that the mesh has not taken', () => {
  for (const [isRejected, reason] of [
    [false, 'Accepting'],
    [true, 'Rejected'],
  ] as const) {
    it(`is not live: ${reason}`, () => {
      const world = trial({})
      world.route = { ...world.route, untaken: { isRejected, because: 'no such backend' } }
      world.pass(60)
      assert.deepEqual(world.route.weights, { [v1]: 95, [v2]: 5 })
      assert.equal(world.status.blockedBy?.reason, reason)
      assert.match(world.status.blockedBy?.message ?? '', /no such backend/)
      world.route = { ...world.route, untaken: null, since: world.now }
      world.pass(60)
      assert.equal(world.route.weights[v2], 50, 'and goes on when it was')
    })
  }
})

describe('weights that somebody else writes', () => {
  it('are left alone after ten rounds until it is quiet for a minute, and nothing is aborted', () => {
    const world = trial({ progressDeadline: '31s', canary: { steps: [{ weight: 20 }] } })
    world.outcome = () => 'Inconclusive'
    const theirs = { [v1]: 50, [v2]: 50 }
    world.route = { ...world.route, weights: theirs }
    world.contest = { edits: 10, lastAt: world.now, manager: 'other' }
    world.pass(50)
    assert.deepEqual(world.route.weights, theirs)
    assert.equal(world.status.phase, 'Progressing')
    assert.equal(world.status.blockedBy?.reason, 'Contested')
    world.pass(15)
    assert.deepEqual(world.route.weights, { [v1]: 80, [v2]: 20 })
  })

  it('are written at once when traffic has to flee', () => {
    const world = trial({ canary: { steps: [{ weight: 20 }] } })
    world.contest = { edits: 10, lastAt: world.now, manager: 'other' }
    world.say('abort')
    world.settle()
    assert.deepEqual(world.route.weights, { [v1]: 100 })
  })
})

describe('without a mesh', () => {
  const traffic = { service: { host: 'checkout' }, settle: '2s', drain: '10s' }
  const over = { replicas: 8, traffic, analysis: undefined }

  it('shares are those of pods, and the sentence says which', () => {
    const steps = [
      { weight: 20, hold: '30s' },
      { weight: 75, hold: '30s' },
    ]
    const world = trial({ ...over, canary: { steps } })
    assert.deepEqual(sizes(world), { [v1]: 8, [v2]: 2 })
    assert.deepEqual(world.route.weights, { [v1]: 80, [v2]: 20 })
    world.pass(40)
    assert.deepEqual(sizes(world), { [v1]: 3, [v2]: 8 })
    assert.match(world.status.because ?? '', /75 %, really 72.7 % by pods/)
    world.say('abort')
    world.settle()
    assert.deepEqual(sizes(world)[v1], 8)
    assert.deepEqual(world.route.weights, { [v1]: 100 })
  })

  for (const [name, first] of [
    ['', []],
    [', also after a step without traffic', [{ weight: 0 }]],
  ] as const) {
    it(`pods of a superseded canary are gone before the selector picks all pods again${name}`, () => {
      const steps = [...first, { weight: 20, hold: '30s' }]
      const world = trial({ ...over, canary: { steps } })
      world.pass(10)
      assert.deepEqual(world.route.weights, { [v1]: 80, [v2]: 20 })
      world.ask(spec('checkout:v3', { ...over, canary: { steps } }), 'c3')
      for (let i = 0; i < 30; i += 1) {
        world.pass(1)
        const open = Object.values(world.route.weights).filter((weight) => weight > 0)
        if (open.length > 1) assert.equal(sizes(world)[v2], undefined)
      }
      assert.deepEqual(world.route.weights, { [v1]: 80, [v3]: 20 })
    })
  }
})

describe('sizes of fleets', () => {
  it('are larger for the canary where the step asks for it', () => {
    const world = trial({ canary: { steps: [{ weight: 5, scale: 50 }] } })
    assert.deepEqual(sizes(world), { [v1]: 4, [v2]: 2 })
  })

  it('of stable shrink as its traffic leaves, when asked, and grow again before it comes back', () => {
    const steps = [{ weight: 50, hold: '30s' }]
    const world = trial({ canary: { steps, dynamicStableScale: true } })
    world.pass(5)
    assert.deepEqual(sizes(world), { [v1]: 2, [v2]: 2 })
    world.ready = (revision, desired) => (revision === v1 ? 2 : desired)
    world.say('abort')
    world.settle()
    assert.deepEqual(world.route.weights, { [v1]: 50, [v2]: 50 }, 'its pods are not ready yet')
    world.fleets = world.fleets.map((fleet) => ({ ...fleet, ready: fleet.desired }))
    world.settle()
    assert.deepEqual(world.route.weights, { [v1]: 100 })
  })

  it('of the old revision of a blue-green are kept for as long as was asked', () => {
    const world = trial({ canary: undefined, blueGreen: { keep: '5m' }, analysis: undefined })
    world.pass(30)
    assert.equal(world.status.stable?.revision, v2)
    assert.deepEqual(sizes(world), { [v1]: 4, [v2]: 4 })
    world.pass(300)
    assert.deepEqual(sizes(world), { [v2]: 4 })
  })
})

describe('callers that do not follow the weights', () => {
  const steps = [{ weight: 20, hold: '10s' }, { weight: 50 }]

  for (const [canary, isLeft] of [
    [0, false],
    [60, false],
    [150, true],
    [400, true],
  ] as const) {
    it(`with ${canary} of 1000 requests at 20 % ${isLeft ? 'are close enough' : 'keep the step'}`, () => {
      const world = trial({ canary: { steps }, analysis: { checks, onInconclusive: 'abort' } })
      world.observed = { canary, stable: 1000 - canary }
      world.pass(50)
      assert.equal(world.route.weights[v2] === 20, !isLeft)
      if (isLeft) return
      assert.equal(world.status.blockedBy?.reason, 'NotFollowed')
      world.pass(700)
      assert.equal(world.status.phase, 'Paused', 'which is no fault of the release')
    })
  }
})

describe('a preview', () => {
  const over = { canary: undefined, blueGreen: { preview: { service: 'next', checks: true } } }

  it('leads to the new revision once it has pods, and back to stable after a failure', () => {
    const world = trial(over)
    assert.equal(world.preview, v2)
    assert.deepEqual(world.route.weights, { [v1]: 100, [v2]: 0 })
    world.outcome = () => 'Failed'
    world.pass(5)
    assert.equal(world.status.phase, 'Aborted', 'its checks are asked before the switch')
    assert.equal(world.preview, v1)
  })

  it('with checks that pass is switched to, and stays with what is stable', () => {
    const world = trial(over)
    world.pass(30)
    assert.deepEqual([world.preview, world.status.stable?.revision], [v2, v2])
  })

  it('is held for as long as was asked before the switch', () => {
    const preview = { service: 'next', hold: '2m' }
    const world = trial({ canary: undefined, blueGreen: { preview }, analysis: undefined })
    world.pass(100)
    assert.deepEqual(world.route.weights, { [v1]: 100, [v2]: 0 })
    world.pass(60)
    assert.equal(world.status.stable?.revision, v2)
  })

  it('that cannot be led to a pod keeps the switch waiting', () => {
    const world = new World(spec('checkout:v1', over))
    world.pass(20)
    world.ready = (revision, desired) => (revision === v2 ? 0 : desired)
    world.ask(spec('checkout:v2', over), 'c2')
    world.pass(60)
    assert.deepEqual([world.preview, world.route.weights[v2]], [v1, 0])
  })
})

describe('a way back', () => {
  it('to a revision that was stable goes straight to the last step, and is checked there', () => {
    const world = trial({})
    world.pass(100)
    assert.equal(world.status.stable?.revision, v2)
    world.ask(spec('checkout:v1'), 'c3')
    world.settle()
    assert.equal(world.status.progress, '2/2')
    assert.match(world.log.at(-1) ?? '', /^Started: .*was stable before/)
    assert.deepEqual(world.route.weights, { [v2]: 50, [v1]: 50 })
    world.outcome = () => 'Failed'
    world.pass(5)
    assert.equal(world.status.phase, 'Aborted', 'no promotion without evidence')
  })

  it('to one that failed since is no way back', () => {
    const world = trial({})
    world.pass(100)
    world.outcome = () => 'Failed'
    world.ask(spec('checkout:v1'), 'c3')
    world.pass(30)
    world.ask(spec('checkout:v2'), 'c4')
    world.pass(5)
    world.say('retry', { revision: v1 })
    world.ask(spec('checkout:v1'), 'c5')
    world.pass(2)
    assert.notEqual(world.status.stable?.revision, v1)
  })
})
