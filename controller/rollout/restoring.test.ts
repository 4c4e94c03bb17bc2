import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { World } from '../../test/doubles/world.ts'
import { rolloutSpec, template } from '../../test/fixtures/rollout.ts'
import { decide } from './decide.ts'
import type { RevertReport } from './snapshot.ts'

const spec = (image: string, revert: Record<string, string> = {}) =>
  rolloutSpec({ template: template(image), revert })

/** A release that failed, at the moment at which Git is asked. */
function failed(revert: Record<string, string> = {}): World {
  const world = new World(spec('checkout:v1', revert))
  world.pass(20)
  world.outcome = () => 'Failed'
  world.ask(spec('checkout:v2', revert), 'c2')
  while (world.status.phase !== 'Aborted') world.pass(1)
  world.pass(20)
  return world
}

const isRevert = (line: string) => line.startsWith('revert ')

describe('after an abort', () => {
  it('Git is left alone for as long as was asked', () => {
    const world = failed({ delay: '10m' })
    assert.deepEqual(world.route.weights[world.target], undefined, 'traffic does not wait')
    world.pass(60)
    const { wakeAt, because } = world.settle()
    const dueAt = Date.parse(world.status.revert?.at ?? '') + 600_000
    assert.equal(wakeAt, dueAt)
    assert.match(because, /is restored in Git at .*Z, unless a retry or a commit comes first/)
    world.now = dueAt - 1_000
    world.settle()
    assert.equal(world.log.filter(isRevert).length, 0)
    world.pass(1)
    assert.equal(world.log.filter(isRevert).length, 1)
  })

  it('a retry within the delay withdraws the revert', () => {
    const world = failed({ delay: '10m' })
    world.outcome = () => 'Passed'
    world.say('retry', { revision: world.target })
    world.pass(700)
    assert.equal(world.log.filter(isRevert).length, 0)
    assert.equal(world.status.stable?.revision, world.target)
  })

  const pullRequest = { number: 7, url: 'https://git.example/7' }
  const proposed = (world: World): RevertReport => ({
    bad: world.target,
    attempt: world.status.attempt ?? 0,
    state: 'Proposed',
    pullRequest,
    because: 'pull request 7 restores it once it is merged',
  })
  const waiting = (): World => {
    const world = failed({ delay: '1h' })
    world.status = decide({ ...world.snapshot(), revert: proposed(world) }).status ?? world.status
    return world
  }

  it('a pull request is told once, and the Rollout waits for it', () => {
    const world = waiting()
    assert.deepEqual(world.status.revert?.pullRequest, pullRequest)
    world.revert = proposed(world)
    world.settle()
    assert.equal(world.status.blockedBy?.reason, 'Proposed')
    assert.equal(world.status.blockedBy?.message, proposed(world).because)
    const { writes } = world
    world.pass(60)
    assert.equal(world.writes, writes)
  })

  it('a pull request is asked about again when nothing is known of it', () => {
    const world = waiting()
    const { actions } = decide({ ...world.snapshot(), revert: null })
    assert.deepEqual(
      actions.map(({ kind }) => kind),
      ['revert'],
    )
  })

  const endings = ['Committed', 'Superseded', 'Nothing', 'NeedsHuman'] as const
  for (const state of endings) {
    it(`a pull request may end as ${state}`, () => {
      const world = waiting()
      const report = { ...proposed(world), pullRequest: undefined, state, because: 'over' }
      const { status, announcements } = decide({ ...world.snapshot(), revert: report })
      assert.equal(status?.revert?.state, state)
      assert.equal(announcements[0]?.reason, `Revert${state}`)
    })
  }
})
