// Stories without faults: what people do at which turn of a rollout, told by the state of the world and not
// by the clock, so that a story ends alike when a crash makes it slower.
import { revisionOf } from '../../crds/revision.ts'
import { rollouts } from '../../kube/resources.ts'
import { ask, killPods, revisionIn, say, scale } from './deeds.ts'
import { unrest } from './end-state.ts'
import { edit, weightsEdit } from './people.ts'
import { routerOf } from './routing.ts'
import {
  type Quality,
  type Release,
  rolloutKey,
  type Scenario,
  scenarioOf,
  templateOf,
} from './scenario.ts'
import { statusOf } from './view.ts'
import type { World } from './world.ts'

export interface Story {
  readonly name: string
  /** True quality of the releases after the first; those not named are good. */
  readonly quality?: Readonly<Record<number, Partial<Quality>>>
  readonly acts: readonly Act[]
}

/** One thing that happens as soon as the world is ready for it, after the act before. */
interface Act {
  readonly when: (world: World) => boolean
  readonly act: (world: World) => void
}

const status = ({ server }: World) => statusOf(server.get(rollouts, rolloutKey))
const isStable = (world: World) => status(world).phase === 'Stable'
const isPaused = (world: World) => status(world).phase === 'Paused'
const isAborted = (world: World) => status(world).phase === 'Aborted'
const isTried = (world: World) => status(world).phase === 'Progressing'
const isAnswered = (world: World) => status(world).revert?.state !== 'Requested'
const isBack = (world: World) =>
  isOver(world) && weightOf(world, 'stable') === 100 && isAnswered(world) && unrest(world) === null
const isHeld = (world: World) => status(world).blockedBy?.reason === 'Approval'
/** The first trial ended. */
const isOver = (world: World) =>
  isAborted(world) ||
  (isStable(world) &&
    (revisionIn(world, 'stable') !== world.scenario.releases[0]?.revision ||
      status(world).quarantine !== undefined))
/** The trial serves, or can not for now, or is over. */
const isServed = (world: World) =>
  (isTried(world) && weightOf(world, 'canary') > 0) || isHeld(world) || isOver(world)
/** A release that failed is asked for again, and held. */
const isRefused = (world: World) =>
  status(world).blockedBy?.reason === 'Quarantined' && unrest(world) === null
const always = () => true

function weightOf(world: World, role: 'stable' | 'canary'): number {
  const revision = revisionIn(world, role)
  return revision === undefined ? 0 : (world.mesh.stored()[revision] ?? 0)
}

/** The first release serves, and all is quiet. */
const isAtRest = (world: World) => isStable(world) && unrest(world) === null
const begin: Act = { when: isAtRest, act: (world) => ask(world, 2) }
const next = (version: number, when: Act['when']): Act => ({
  when,
  act: (world) => ask(world, version),
})
const word = (verb: Parameters<typeof say>[1]['verb'], when: Act['when']): Act => ({
  when,
  act: (world) => say(world, { verb }),
})
const bad = { errorRate: 0.8 }

export const stories: readonly Story[] = [
  { name: 'promote', acts: [begin] },
  { name: 'abort', quality: { 2: bad }, acts: [begin] },
  { name: 'slow', quality: { 2: { slowRate: 0.5 } }, acts: [begin] },
  { name: 'supersede', acts: [begin, next(3, isServed)] },
  { name: 'supersede-early', acts: [begin, next(3, isTried)] },
  { name: 'burst', acts: [begin, next(3, isTried), next(4, always), next(5, isServed)] },
  { name: 'back-to-stable', acts: [begin, next(1, isServed)] },
  { name: 'retry', quality: { 2: bad }, acts: [begin, next(2, isBack), word('retry', isRefused)] },
  { name: 'abort-by-person', acts: [begin, word('abort', isServed)] },
  {
    name: 'abort-and-retry',
    acts: [begin, word('abort', isTried), next(2, isBack), word('retry', isRefused)],
  },
  {
    name: 'pause',
    acts: [begin, word('pause', isServed), word('resume', (w) => isPaused(w) || isOver(w))],
  },
  {
    name: 'pause-and-abort',
    acts: [begin, word('pause', isServed), word('abort', (w) => isPaused(w) || isOver(w))],
  },
  { name: 'promote-by-person', acts: [begin, word('promote', isServed)] },
  { name: 'approve', acts: [begin, word('promote', (w) => isHeld(w) || isOver(w))] },
  {
    name: 'pause-early',
    acts: [begin, word('pause', isTried), word('resume', (w) => isPaused(w) || isOver(w))],
  },
  {
    name: 'bad-while-paused',
    quality: { 2: bad },
    acts: [begin, word('pause', isServed), { when: isOver, act: () => undefined }],
  },
  { name: 'never-ready', quality: { 2: { neverReady: true } }, acts: [begin] },
  { name: 'fix-forward', quality: { 2: bad }, acts: [begin, next(3, isBack)] },
  { name: 'grow', acts: [begin, { when: isServed, act: (world) => scale(world, 7) }] },
  { name: 'shrink', acts: [begin, { when: isServed, act: (world) => scale(world, 1) }] },
  {
    name: 'canary-dies',
    acts: [begin, { when: isServed, act: (world) => killPods(world, 'canary', 45_000) }],
  },
  {
    name: 'stable-dies',
    acts: [begin, { when: isServed, act: (world) => killPods(world, 'stable', 30_000) }],
  },
  {
    name: 'foreign-weights',
    acts: [begin, { when: isServed, act: (world) => weightsEdit(world, 77) }],
  },
  { name: 'route-deleted', acts: [begin, { when: isServed, act: deleteRoute }] },
  {
    name: 'other-steps',
    acts: [
      begin,
      {
        when: isServed,
        act: (world) =>
          edit(world, rollouts, { spec: { canary: { steps: [{ weight: 30 }] }, blueGreen: null } }),
      },
    ],
  },
  { name: 'two-releases', acts: [begin, next(3, (w) => isOver(w) || isHeld(w))] },
]

function deleteRoute({ server, kernel, scenario }: World): void {
  const { route, routeName, isInPlace } = routerOf(scenario)
  const key = { ...rolloutKey, name: routeName }
  if (isInPlace || !server.get(route, key)) return
  const by = { name: 'ada', isController: false, sentAt: kernel.now(), verb: 'delete' }
  server.delete(by, route, key)
}

const good: Quality = { errorRate: 0, slowRate: 0, startMs: 1_000, neverReady: false }

/** Story and shape by number: each story meets many shapes, from Git and by hand. */
export function storied(number: number): { readonly story: Story; readonly scenario: Scenario } {
  const story = stories[number % stories.length] ?? { name: 'promote', acts: [begin] }
  // A release that only checks can tell from a good one needs checks, and traffic without a person.
  const seeds = Array.from({ length: 12 }, (_, offset) => offset + 1 + number * 7)
  const seed = seeds.find((one) => {
    const { spec } = scenarioOf(one).shape
    const isJudged =
      spec['analysis'] !== undefined && !JSON.stringify(spec).includes('approval":true')
    return isJudged || !story.quality
  })
  const base = scenarioOf(seed ?? 1)
  const releases = base.releases.map((release, index): Release => {
    const startMs = 1_000 + 2_000 * (number % 3)
    const revision = revisionOf(templateOf(release.image))
    return { ...release, revision, quality: { ...good, startMs, ...story.quality?.[index + 1] } }
  })
  return {
    story,
    scenario: {
      ...base,
      isPair: false,
      isConfigured: false,
      isNotified: false,
      isAdopted: false,
      isGit: isEven(number + Math.floor(number / stories.length)),
      requestsPerSecond: 100,
      releases,
    },
  }
}

const isEven = (number: number) => number % 2 === 0

const pollMs = 500

/** Lets a story happen; says whether all of it did. */
export function tell(world: World, { acts }: Story): { isOver(): boolean } {
  let at = 0
  const poll = () => {
    const act = acts[at]
    if (!act) return
    if (act.when(world)) {
      at += 1
      act.act(world)
    }
    world.kernel.after(pollMs, poll)
  }
  world.kernel.after(pollMs, poll)
  return { isOver: () => at >= acts.length }
}
