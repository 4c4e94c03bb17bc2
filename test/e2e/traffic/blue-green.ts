// A blue-green release in, what callers and testers meet out: testers of the preview alone until a person says
// promote, then everybody in one write; and the way back without a pod that has to start.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { label } from '../../../crds/names.ts'
import { parseRollout } from '../../../crds/parse.ts'
import type { KubeObject } from '../../../kube/api.ts'
import { systemClock } from '../../../kube/clock.ts'
import { createReflector } from '../../../kube/reflector.ts'
import { pods, rollouts } from '../../../kube/resources.ts'
import type { Weights } from '../../../traffic/router.ts'
import { routerOf } from '../../../traffic/routers.ts'
import { previewHost, settleMs } from './release.ts'
import { answersBy, type Scene, untilTrue } from './scene.ts'
import type { TrafficStage } from './stage.ts'

const previewsPerSecond = 20
const someAnswers = 10

/** While it has no traffic its preview leads to it alone; then a person promotes it. */
export async function approve({ stage, load }: Pick<Scene, 'stage' | 'load'>, revision: string) {
  const { story } = stage
  await story.until(`${revision} waits for a person`, ({ blockedBy, canary }) => {
    return blockedBy?.reason === 'Approval' && canary?.revision === revision
  })
  await sleep(settleMs)
  const testers = await stage.call(previewsPerSecond, {}, previewHost)
  const met = () => Object.entries(testers.totals().byRevision)
  await untilTrue('testers were answered', async () => testers.totals().requests > someAnswers)
  await testers.stop()
  assert.deepEqual(
    met().map(([name]) => name),
    [revision],
    'the preview leads to it alone',
  )
  assert.equal(answersBy(load, revision), 0, 'nobody else meets it')
  await stage.say('promote')
}

/** The release before this one, asked for again while its pods are kept. */
export async function wayBack({ stage, release }: Scene): Promise<void> {
  const before = stage.story.status()?.stable?.revision ?? ''
  const podsBefore = await namesOf(stage, before)
  const applied = stage.applied()
  const revision = await release()
  await stage.story.until(`${revision} is promoted`, ({ stable }) => stable?.revision === revision)
  await stage.apply(applied)
  await stage.story.promoted(before)
  assert.deepEqual(await namesOf(stage, before), podsBefore, 'none of its pods had to start')
}

async function namesOf({ api, namespace }: TrafficStage, revision: string): Promise<string[]> {
  const labelSelector = `${label.revision}=${revision}`
  const { items } = await api.list(pods, { namespace, labelSelector })
  return items.map(({ metadata }) => metadata.name).sort()
}

export interface Switches {
  /** Revisions with a share of the traffic, each time they changed. */
  readonly seen: readonly string[]
  close(): Promise<void>
}

/** Every version of the routes that is stored from now on. */
export async function watchSwitches({ api, namespace, router }: TrafficStage): Promise<Switches> {
  const closing = new AbortController()
  const seen: string[] = []
  const { status: _, ...rollout } = await api.get(rollouts, { namespace, name: 'checkout' })
  const parsed = parseRollout(rollout)
  if (!parsed.ok) throw new Error('the Rollout of the suite can not be read')
  const { spec } = parsed.value
  const { apiVersion, kind, metadata } = rollout
  const reference = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' }
  const at = { owner: { namespace, name: metadata.name, reference }, spec }
  const note = (object: KubeObject | null) => {
    if (!object || !routerOf(spec).routeNames(at).includes(object.metadata.name)) return
    const served = servedBy(routerOf(spec).readRoute(object, at).weights)
    if (served !== '' && served !== seen.at(-1)) seen.push(served)
  }
  const following = createReflector({
    ...{ api, resource: router.route, query: { namespace }, clock: systemClock },
    random: Math.random,
    onChange: (_key, object) => note(object),
  }).start(closing.signal)
  return {
    seen,
    async close() {
      closing.abort()
      await following
    },
  }
}

function servedBy(weights: Weights): string {
  return Object.keys(weights)
    .filter((revision) => (weights[revision] ?? 0) > 0)
    .join('+')
}
