// A stage in, an account of every request out, while releases are promoted, aborted and superseded, the
// controller is killed, and at last the Rollout is deleted.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { deployments, rollouts } from '../../../kube/resources.ts'
import {
  beginBeside,
  besideAbort,
  besidePromote,
  besideSupersede,
  testerHeaders,
  traces,
} from './beside.ts'
import { approve, watchSwitches, wayBack } from './blue-green.ts'
import { settleMs } from './release.ts'
import {
  errorPercent,
  failedBy,
  missedOf,
  type Scene,
  someTraffic,
  untilTrue,
  warmUpMs,
} from './scene.ts'
import type { TrafficStage } from './stage.ts'

export interface Account {
  readonly router: string
  readonly plane: string
  readonly requests: number
  /** Not those that the bad release failed by itself. */
  readonly failed: number
  /** Those. */
  readonly failedByRelease: number
  /** Due and not sent, because the machine was busy. */
  readonly missed: number
  /** Answers of pods to requests that began after they were removed, while the Rollout had all of them. */
  readonly servedByRemoved: number
  /** From a stored route to one that is obeyed. */
  readonly lagMs: { readonly median: number; readonly most: number; readonly count: number }
  readonly chapters: readonly Chapter[]
  /** Some that failed, to be looked at: what the answer said, and when. */
  readonly failures: readonly string[]
  readonly seconds: number
}

export interface Chapter {
  readonly name: string
  readonly seconds: number
  readonly failed: number
}

export interface Pace {
  readonly requestsPerSecond: number
  /** Releases are promoted until so many requests were sent. */
  readonly atLeast: number
}

/** Why a run says nothing of the product: proxies were later than it was told, or callers did not call. */
export function whyWorthless({ lagMs, missed, requests }: Account): string | null {
  if (lagMs.most > settleMs) {
    return `proxies were ${lagMs.most} ms late, and were said to be at most ${settleMs} ms late`
  }
  const share = missed / (missed + requests)
  return share > missedLimit ? `${Math.round(share * 100)} % of the requests were not sent` : null
}

const replicas = 3
/** A machine that is busier than this stalls proxies as well. */
const missedLimit = 0.2
const afterDeletionMs = 1_500
const testersPerSecond = 50

export async function play(stage: TrafficStage, plane: string, pace: Pace): Promise<Account> {
  const startedMs = performance.now()
  let version = 1
  await begin(stage)
  await sleep(warmUpMs)
  const load = await stage.call(pace.requestsPerSecond)
  const testers = stage.router.beside ? await stage.call(testersPerSecond, testerHeaders) : null
  await sleep(warmUpMs)
  const scene: Scene = {
    ...{ stage, load, testers, bad: new Set<string>() },
    async release(percent = 0) {
      version += 1
      await stage.apply({ version: `v${version}`, errorPercent: percent })
      const revision = await stage.story.trial()
      if (stage.router.isBlueGreen) await approve({ stage, load }, revision)
      return revision
    },
  }
  const chapters: Chapter[] = []
  const chapter = async (name: string, work: (scene: Scene) => Promise<void>) => {
    const from = { failed: failedBy(scene).others, ms: performance.now() }
    await work(scene)
    const failed = failedBy(scene).others - from.failed
    chapters.push({ name, failed, seconds: Math.round(performance.now() - from.ms) / 1_000 })
  }
  if (stage.origin === 'deployment') await chapter('adopt', adopt)
  const ownedFromMs = Date.now()
  const switches = stage.router.isBlueGreen ? await watchSwitches(stage) : null
  await chapter('promote', promote)
  await chapter('abort', abort)
  await chapter('supersede', supersede)
  await chapter('kill', kill)
  if (testers) {
    await chapter('beside: promote', besidePromote)
    await chapter('beside: abort', besideAbort)
    await chapter('beside: supersede', besideSupersede)
  }
  if (switches) await chapter('way back', wayBack)
  while (load.totals().requests < pace.atLeast) await chapter('promote again', promote)
  const ownedToMs = Date.now()
  await switches?.close()
  const parts = (switches?.seen ?? []).filter((served) => served.includes('+'))
  assert.deepEqual(parts, [], 'all traffic moves in one write')
  await chapter('delete', remove)
  await Promise.all([load.stop(), testers?.stop()])
  const loads = [load, ...(testers ? [testers] : [])]
  const { others, own } = failedBy(scene)
  const removed = new Map(
    [...stage.removedPods].filter(([, at]) => at >= ownedFromMs && at <= ownedToMs),
  )
  const times = stage.lag.times()
  return {
    ...{ router: stage.router.name, plane, chapters, failed: others, failedByRelease: own },
    requests: loads.reduce((sum, one) => sum + one.totals().requests, 0),
    missed: missedOf(loads.map((one) => one.snapshot())),
    failures: loads
      .flatMap((one) => one.failures())
      .map(({ endedAtMs, what }) => `${new Date(endedAtMs).toISOString()} ${what}`),
    servedByRemoved: loads.reduce((sum, one) => sum + one.servedByRemoved(removed), 0),
    lagMs: {
      median: Math.round(times[Math.floor(times.length / 2)] ?? 0),
      most: Math.round(times.at(-1) ?? 0),
      count: times.length,
    },
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
  }
}

/** Until callers can be answered. */
async function begin(stage: TrafficStage): Promise<void> {
  await stage.apply({ version: 'v1' })
  if (stage.origin === 'template') return firstRelease(stage)
  const { api, namespace } = stage
  // As an autoscaler or a person would: the number is in no manifest.
  const key = { namespace, name: 'checkout' }
  await api.patch(deployments, key, 'merge', { spec: { replicas } })
  await untilTrue('the Deployment is ready', async () => {
    const { status } = await api.get(deployments, key)
    return status?.availableReplicas === replicas && status?.updatedReplicas === replicas
  })
}

async function firstRelease({ story }: TrafficStage): Promise<void> {
  await story.until('the first release is stable', ({ stable }) => stable)
  await story.promoted(story.status()?.stable?.revision ?? '')
}

/** Pods of a Deployment that has callers are taken over. */
async function adopt({ stage }: Scene): Promise<void> {
  await stage.adopt()
  await firstRelease(stage)
  await stage.write(stage.router.handedOver ?? [])
}

async function promote({ stage, release }: Scene): Promise<void> {
  await stage.story.promoted(await release())
}

/** A person ends the trial of a release that fails requests. */
async function abort(scene: Scene): Promise<void> {
  const { stage, bad } = scene
  const revision = await scene.release(errorPercent)
  bad.add(revision)
  await someTraffic(scene, revision)
  await stage.say('abort')
  await stage.story.until(`${revision} is aborted`, ({ phase }) => phase === 'Aborted')
  await sleep(warmUpMs)
}

/** A newer release while the one before it has traffic. */
async function supersede(scene: Scene): Promise<void> {
  await someTraffic(scene, await scene.release())
  await scene.stage.story.promoted(await scene.release())
}

async function kill(scene: Scene): Promise<void> {
  const { stage } = scene
  const revision = await scene.release()
  await someTraffic(scene, revision)
  await stage.killController()
  await stage.story.promoted(revision)
}

/**
 * In the middle of a step. Pods go back to the Deployment; without one, what belongs to the Rollout stays, as a
 * person asks who still has callers, and only stable has them.
 */
async function remove(scene: Scene): Promise<void> {
  const { api, namespace, origin, router, story } = scene.stage
  const stable = story.status()?.stable?.revision ?? ''
  if (router.beside) await beginBeside(scene)
  else await someTraffic(scene, await scene.release())
  const key = { namespace, name: 'checkout' }
  if (router.handedOver) await scene.stage.write(router.users ?? [])
  await api.delete(rollouts, key, origin === 'template' ? { propagation: 'Orphan' } : {})
  await untilTrue('the Rollout is gone', async () => {
    const { items } = await api.list(rollouts, { namespace })
    return items.length === 0
  })
  assert.equal(await traces(scene.stage), null, 'nothing stands beside the weights')
  for (const { metadata, spec } of scene.stage.given) {
    const { name } = metadata
    const now = await api.get(router.route, { namespace, name })
    assert.equal(JSON.stringify(now['spec']), JSON.stringify(spec), `${name} is as it was`)
    assert.deepEqual(now.metadata.annotations, metadata.annotations)
    const managers: { manager: string }[] = now.metadata['managedFields']
    assert.deepEqual(
      managers.filter(({ manager }) => manager === 'sluice'),
      [],
    )
  }
  await sleep(settleMs)
  const from = Date.now()
  await sleep(afterDeletionMs)
  const { byRevision } = scene.load.since(from)
  if (origin === 'template') assert.deepEqual(Object.keys(byRevision), [stable], 'as it was')
}
