// What people and other tools do while a rollout runs: commands, edits, deletions, commits; and what happens
// to the cluster under it. Each is asked for at times that the seed sets, and strikes as the choices say.
import { commandAnnotation } from '../../crds/names.ts'
import type { Verb } from '../../crds/words.ts'
import type { KubeObject, ObjectKey, Resource } from '../../kube/api.ts'
import { configMaps, deployments, rollouts } from '../../kube/resources.ts'
import type { Writer } from './api-server.ts'
import type { Strike } from './choices.ts'
import { configMapOf } from './configured.ts'
import type { FaultId } from './faults.ts'
import { mix, unitOf } from './random.ts'
import { withWeights } from './routes.ts'
import { routerOf } from './routing.ts'
import { appliedOf, fileOf, rolloutKey as key, path, rolloutName, templateOf } from './scenario.ts'
import { unknownFields } from './versions.ts'
import { statusOf } from './view.ts'
import type { World } from './world.ts'

type Deed = (world: World, strike: Strike) => void

const by = (name: string, now: number): Writer => ({
  name,
  isController: false,
  sentAt: now,
  verb: 'edit',
})

/** Commands so far, for identities. */
function say(world: World, verb: Verb, strike: Strike): void {
  const rollout = world.server.get(rollouts, key)
  if (!rollout) return
  const { canary, step } = statusOf(rollout)
  const isStale = world.choices.at('H5') !== null
  const about = isStale
    ? { revision: 'feedfeed00' }
    : strike.unit(5) < 0.5 && canary
      ? { revision: canary.revision, step: step ?? 0 }
      : {}
  const command = {
    id: `${verb}-${strike.key}`,
    by: 'ada',
    at: new Date(world.kernel.now()).toISOString(),
    ...about,
  }
  world.trace.note(() => `ada says ${verb} ${JSON.stringify(about)}`)
  edit(world, rollouts, {
    metadata: { annotations: { [commandAnnotation(verb)]: JSON.stringify(command) } },
  })
}

export function edit(
  world: World,
  resource: Resource,
  body: unknown,
  place: ObjectKey = key,
): void {
  const { server, kernel, choices } = world
  if (choices.isHealed() || !server.get(resource, place)) return
  try {
    server.patch(by('ada', kernel.now()), { resource, key: place, type: 'merge', body })
  } catch (error) {
    // The schema refused what she wrote; nothing has changed.
    world.trace.note(() => `refused: ${String(error)}`)
  }
}

/** Asks for a release: by a commit, or by applying it. */
export function release(world: World, index: number): void {
  const { scenario, host, choices } = world
  if (choices.isHealed()) return
  const image = scenario.releases[index % scenario.releases.length]?.image ?? ''
  world.asked.count += 1
  world.trace.note(() => `somebody asks for ${image}`)
  if (scenario.isGit) {
    host.commit({ author: 'ada', message: image, files: { [path]: fileOf(scenario.shape, image) } })
    return
  }
  if (scenario.isConfigured) edit(world, configMaps, { data: configMapOf(image)['data'] })
  else if (scenario.isAdopted) edit(world, deployments, { spec: { template: templateOf(image) } })
  else edit(world, rollouts, { spec: { template: templateOf(image) } })
}

export const weightsEdit = (world: World, canaryWeight: number) => {
  const { route: resource, routeName } = routerOf(world.scenario)
  const place = { ...key, name: routeName }
  const route = world.server.get(resource, place)
  const spec = route && withWeights(route, canaryWeight)
  world.trace.note(() => `somebody sets the weight to ${canaryWeight}`)
  if (spec) edit(world, resource, { spec }, place)
}

export function remove(world: World, resource: Resource): void {
  const { server, kernel } = world
  if (!server.get(resource, key)) return
  world.trace.note(() => `somebody deletes ${resource.kind} ${key.name}`)
  server.delete(by('ada', kernel.now()), resource, key)
}

/** What Sluice owns is deleted by a stranger; a route of a user is no stranger's. */
function removeOurs(world: World, isRouteMeant: boolean): void {
  const { route, routeName, isInPlace, subsets } = routerOf(world.scenario)
  const resource = isRouteMeant ? route : subsets
  if (!resource || (isRouteMeant && isInPlace)) return
  const { server, kernel } = world
  const chosen = server
    .list(resource)
    .find(({ metadata }) =>
      isRouteMeant ? metadata.name === routeName : metadata.ownerReferences !== undefined,
    )
  if (!chosen) return
  world.trace.note(() => `somebody deletes ${resource.kind} ${chosen.metadata.name}`)
  server.delete(by('ada', kernel.now()), resource, chosen.metadata)
}

export function recreate(world: World, index: number): void {
  const { server, kernel, scenario } = world
  if (server.get(rollouts, key) || scenario.isGit || world.choices.isHealed()) return
  const image = scenario.releases[index]?.image ?? ''
  world.trace.note(() => `somebody creates ${rolloutName} again with ${image}`)
  server.create(by('ada', kernel.now()), rollouts, appliedOf(scenario, image) as KubeObject)
}

/** A person has the last word on what was proposed, if anything is. */
export function closePull({ host, trace }: World, isMerged: boolean): void {
  if (host.close(isMerged)) {
    trace.note(() => `somebody ${isMerged ? 'merges' : 'closes'} the pull request`)
  }
}

/** Deeds by fault, with the number of occasions in a run. */
export const deeds: readonly (readonly [FaultId, number, Deed])[] = [
  ['H1', 3, (world, strike) => say(world, 'promote', strike)],
  [
    'H2',
    2,
    (world, strike) => {
      say(world, 'pause', strike)
      if (strike.unit(0) < 0.7)
        world.kernel.after(strike.between(1, 1_000, 90_000), () => say(world, 'resume', strike))
    },
  ],
  ['H3', 2, (world, strike) => say(world, 'abort', strike)],
  ['H4', 2, (world, strike) => say(world, 'retry', strike)],
  [
    'O1',
    2,
    (world, strike) => {
      const steps = [[30], [10, 20, 80], [100]][Math.floor(strike.between(0, 0, 3))] ?? [30]
      world.trace.note(() => `somebody edits the steps to ${steps}`)
      const canary = { steps: steps.map((weight) => ({ weight })) }
      if (strike.unit(1) < 0.5) edit(world, rollouts, { spec: { canary, blueGreen: null } })
      else edit(world, rollouts, { spec: { traffic: { drain: '10s' } } })
    },
  ],
  [
    'O2',
    3,
    (world, strike) => {
      const first = Math.floor(strike.between(0, 0, 7))
      release(world, first)
      if (strike.unit(1) < 0.4)
        world.kernel.after(strike.between(2, 10, 20_000), () => release(world, first + 1))
    },
  ],
  [
    'O3',
    1,
    (world, strike) => {
      say(world, 'promote', strike)
      say(world, 'abort', strike)
    },
  ],
  ['O4', 1, (world) => remove(world, rollouts)],
  [
    'O5',
    1,
    (world, strike) => {
      remove(world, rollouts)
      world.kernel.after(strike.between(0, 0, 5_000), () =>
        recreate(world, Math.floor(strike.between(1, 0, 3))),
      )
    },
  ],
  ['X1', 2, (world, strike) => removeOurs(world, strike.unit(0) < 0.5)],
  ['X2', 2, (world, strike) => weightsEdit(world, Math.floor(strike.between(0, 0, 101)))],
  [
    'X3',
    1,
    (world, strike) => {
      const weight = Math.floor(strike.between(0, 0, 50))
      for (let i = 0; i < 5; i += 1) world.kernel.after(i * 7_000, () => weightsEdit(world, weight))
    },
  ],
  [
    'X4',
    1,
    (world, strike) => {
      world.missing.untilMs = world.kernel.now() + strike.between(0, 1_000, 120_000)
    },
  ],
  [
    'W1',
    2,
    (world, strike) =>
      world.pods.forbid(
        world.kernel.now() + strike.between(0, 1_000, 240_000),
        'exceeded quota: pods',
      ),
  ],
  [
    'W2',
    2,
    (world, strike) => {
      const canary = statusOf(world.server.get(rollouts, key)).canary?.revision
      world.trace.note(() => `pods of ${canary} crash`)
      world.pods.kill((revision) => revision === canary, strike.between(0, 1_000, 120_000))
    },
  ],
  [
    'W3',
    3,
    (world, strike) =>
      edit(world, rollouts, { spec: { replicas: Math.floor(strike.between(0, 1, 9)) } }),
  ],
  [
    'W4',
    1,
    (world, strike) =>
      world.pods.kill((_, index) => index % 2 === 0, strike.between(0, 1_000, 60_000)),
  ],
  [
    'W5',
    1,
    (world, strike) => {
      const stable = statusOf(world.server.get(rollouts, key)).stable?.revision
      world.trace.note(() => `pods of stable ${stable} die`)
      world.pods.kill((revision) => revision === stable, strike.between(0, 1_000, 90_000))
    },
  ],
  [
    'W6',
    3,
    (world, strike) => {
      const chosen = Math.floor(strike.between(0, 0, 3))
      world.pods.kill((_, index) => index === chosen, 1_000)
    },
  ],
  [
    'G5f',
    2,
    (world, strike) => {
      world.git.downUntil = world.kernel.now() + strike.between(0, 60_000, 3_600_000)
    },
  ],
  [
    'G6f',
    1,
    (world) => {
      const { parent } = world.host.head()
      if (parent) world.host.force(parent)
    },
  ],
  ['U1', 1, (world) => unknownFields(world, true)],
  ['U2', 1, (world) => unknownFields(world, false)],
  ['H6', 4, (world, strike) => closePull(world, strike.unit(0) < 0.7)],
]

/** Plans all occasions; whether anything happens at them is asked then. */
export function planDeeds(world: World): void {
  const { scenario, kernel, choices } = world
  for (const [index, [fault, occasions, deed]] of deeds.entries()) {
    for (let i = 0; i < occasions; i += 1) {
      const share = unitOf(mix(scenario.seed, 300 + index, i))
      kernel.after(15_000 + share * (scenario.faultMs - 15_000), () => {
        const strike = choices.at(fault)
        if (!strike) return
        world.trace.note(() => `${strike.key}`)
        deed(world, strike)
      })
    }
  }
}
