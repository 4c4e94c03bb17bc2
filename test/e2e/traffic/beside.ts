// A trial that gets no share of the traffic in, who meets it out: testers that match and copies alone, and after
// it nobody. Whatever fails there, other callers do not see it.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { label } from '../../../crds/names.ts'
import { pods } from '../../../kube/resources.ts'
import type { Load } from '../../../lab/load/start.ts'
import { besideSteps, settleMs, usualSteps } from './release.ts'
import { answersBy, errorPercent, type Scene, untilTrue } from './scene.ts'
import type { TrafficStage } from './stage.ts'

/** What testers send, and nobody else. */
export const testerHeaders = { 'x-beta': '1', cookie: 'a=1; beta=yes; b=2' }

const lookMs = 1_000
const someAnswers = 20
/** Around the half that is asked for; a busy machine and a second of requests do not make it exact. */
const copiesBetween = [0.3, 0.7] as const

export async function besidePromote(scene: Scene): Promise<void> {
  const { stage } = scene
  const revision = await beginBeside(scene)
  await stage.say('promote')
  await stage.story.promoted(revision)
  await leavesNothing(scene, revision)
}

/** The release fails requests: testers see that, other callers do not. */
export async function besideAbort(scene: Scene): Promise<void> {
  const { stage, load } = scene
  const stable = stage.story.status()?.stable?.revision ?? ''
  const revision = await beginBeside(scene, errorPercent)
  await stage.say('abort')
  await stage.story.until(`${revision} is aborted`, ({ phase }) => phase === 'Aborted')
  await leavesNothing(scene, stable)
  assert.equal(answersBy(load, revision), 0, 'no caller met the bad release')
}

/** A newer release is tried by the same testers, and is promoted. */
export async function besideSupersede(scene: Scene): Promise<void> {
  const { stage } = scene
  await beginBeside(scene)
  const revision = await beginBeside(scene)
  await stage.say('promote')
  await stage.story.promoted(revision)
  await leavesNothing(scene, revision)
}

/** Until testers, copies and nobody else meet the next release. */
export async function beginBeside(scene: Scene, percent = 0): Promise<string> {
  const { stage, load } = scene
  const testers = testersOf(scene)
  await stage.plan(besideSteps(stage.router))
  const revision = await scene.release(percent)
  if (percent > 0) scene.bad.add(revision)
  await stage.story.until(
    `testers meet ${revision}`,
    () => answersBy(testers, revision) > someAnswers,
  )
  await untilAllMeet(testers, revision)
  const from = { ms: Date.now(), ...(await countsOf(scene, revision)) }
  await sleep(lookMs)
  const until = await countsOf(scene, revision)
  assert.deepEqual(Object.keys(testers.since(from.ms).byRevision), [revision], 'testers meet it')
  assert.equal(answersBy(load, revision), 0, 'nobody else meets it')
  const share = (until.copies - from.copies) / (until.requests - from.requests)
  const [least, most] = stage.router.beside === 'match and mirror' ? copiesBetween : [0, 0]
  assert.ok(share >= least && share <= most, `${share} of the requests were copied`)
  return revision
}

/** Nothing that a step put beside the weights is stored any more, and testers are callers like others. */
async function leavesNothing(scene: Scene, stable: string): Promise<void> {
  const { stage } = scene
  const testers = testersOf(scene)
  await untilTrue('nothing stands beside the weights', async () => (await traces(stage)) === null)
  await untilAllMeet(testers, stable)
  await stage.plan(usualSteps)
}

/** A busy machine tells its proxies late. */
function untilAllMeet(testers: Load, revision: string): Promise<void> {
  return untilTrue(`testers meet ${revision} alone`, async () => {
    const from = Date.now()
    await sleep(settleMs)
    return Object.keys(testers.since(from).byRevision).join() === revision
  })
}

/** A word of a stored route that only a match or a mirror has; null for none. */
export async function traces({ api, namespace, router }: TrafficStage): Promise<string | null> {
  const { items } = await api.list(router.route, { namespace })
  const text = JSON.stringify(items.map(({ metadata, spec }) => [metadata.annotations, spec]))
  return /x-beta|sluice-match|mirror|sluice\.dev\/aside|\\"aside\\"/i.exec(text)?.[0] ?? null
}

/** Both at one moment: under full load many requests are under way, and count when they are answered. */
async function countsOf({ stage, load }: Scene, revision: string) {
  const copies = await copiesOf(stage, revision)
  return { copies, requests: load.totals().requests }
}

/** Mirrored requests that its pods have got so far. */
async function copiesOf({ api, namespace }: TrafficStage, revision: string): Promise<number> {
  const { items } = await api.list(pods, {
    namespace,
    labelSelector: `${label.revision}=${revision}`,
  })
  const counts = items.map(async ({ status }) => {
    const { headers, body } = await request(`http://${status?.podIP}:8080/`)
    await body.dump()
    return Number(headers['x-copies'])
  })
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}

function testersOf({ testers }: Scene): Load {
  if (!testers) throw new Error('this router matches nothing')
  return testers
}
