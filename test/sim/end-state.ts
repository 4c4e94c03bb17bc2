// The world after faults ended in; why it has not come to rest yet, out. At rest the world agrees with what
// is asked for, or the Rollout says what it waits for.
import { isDeepStrictEqual } from 'node:util'
import { label } from '../../crds/names.ts'
import { revisionOf } from '../../crds/revision.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import { branchOf } from '../../git/write/propose.ts'
import type { KubeObject } from '../../kube/api.ts'
import {
  configMaps,
  deployments,
  gitSources,
  replicaSets,
  rollouts,
  services,
} from '../../kube/resources.ts'
import { revisionWith, strayCopy } from './configured.ts'
import { definitionsIn } from './git-host.ts'
import { unfenced } from './rest-fence.ts'
import type { RouterPart } from './routers.ts'
import { routerOf } from './routing.ts'
import { workloadAtRest } from './rules-adoption.ts'
import { besideAtRest } from './rules-beside.ts'
import { namespace, path, rolloutKey, rolloutName } from './scenario.ts'
import { releaseOf, statusOf } from './view.ts'
import type { World } from './world.ts'

/** Null at rest, else the first thing that is not as it should be. */
export function unrest(world: World): string | null {
  const { server, scenario, host } = world
  const rollout = server.get(rollouts, rolloutKey)
  const busy = world.controllers.running().some(({ notifier }) => (notifier?.waiting() ?? 0) > 0)
  if (busy) return 'messages wait'
  const asked = definitionsIn(host.head().files.get(path) ?? '').definitions[0]?.revision
  const source = server.list(gitSources)[0]?.['status']
  const isRead =
    source?.commit === host.head().id && source?.conditions?.[0]?.reason !== 'Unreachable'
  if (scenario.isGit && !isRead) return 'the head of the branch was not read'
  if (!rollout)
    return scenario.isGit && asked ? 'Git defines a Rollout that is not there' : orphans(world)
  if (rollout.metadata.deletionTimestamp) return going(world, rollout)
  const target = targetOf(world, rollout)
  if (scenario.isGit && asked !== target && !isRefused(world)) {
    return `Git asks for ${asked}, the Rollout for ${target}`
  }
  return unrestOf(world, { status: statusOf(rollout), target, size: rollout['spec'].replicas })
}

/** A deletion ends, unless the Deployment that is to have its pods back asks for a release that failed. */
function going({ server, scenario }: World, rollout: KubeObject): string | null {
  const { quarantine } = statusOf(rollout)
  const workload = scenario.isAdopted ? server.get(deployments, rolloutKey) : null
  const asked = workload && revisionOf(workload['spec'].template)
  return quarantine?.some(({ revision }) => revision === asked)
    ? null
    : 'the Rollout is still being deleted'
}

function targetOf({ server, scenario }: World, rollout: KubeObject): string {
  const workload = scenario.isAdopted ? server.get(deployments, rolloutKey) : null
  if (workload) return revisionOf(workload['spec'].template)
  const configMap = server.get(configMaps, rolloutKey)
  const { template } = rollout['spec']
  return scenario.isConfigured && configMap
    ? revisionWith(template.spec.containers[0].image, configMap)
    : revisionOf(template)
}

interface Standing {
  readonly status: RolloutStatus
  /** The revision that the Rollout asks for. */
  readonly target: string
  readonly size: number
}

/** Why a phase is not at rest; null when it is. */
function unrestOf(world: World, { status, target, size }: Standing): string | null {
  const isOver = status.phase === 'Aborted' || status.phase === 'Stable'
  if (isOver && status.revert?.state === 'Requested') return 'the release is not restored yet'
  if (status.blockedBy?.reason === 'Contested') return 'the weights were fought over a moment ago'
  if (status.blockedBy?.reason === 'AdoptionHeld') return larger(world, size)
  switch (status.phase) {
    case undefined:
      return 'nothing was decided yet'
    case 'Paused':
      return status.blockedBy ? served(world, status) : 'paused without saying why'
    case 'Progressing':
      return status.blockedBy?.reason === 'Approval'
        ? served(world, status)
        : `still at step ${status.step}: ${status.because}`
    case 'Aborted':
      if (isUnheard(status, world)) return 'nobody has looked at the answer to the pull request'
      if (isReading(status, world)) return 'the restored release may still be read'
      return held(status, target) ?? alone(world, status, size)
    case 'Stable':
      return held(status, target) ?? alone(world, status, size)
  }
}

/** What was proposed is merged or closed, and the status does not say so yet. */
function isUnheard({ revert }: RolloutStatus, { host, scenario }: World): boolean {
  if (revert?.state !== 'Proposed' || !scenario.isGit) return false
  const rollout = { namespace, name: rolloutName, uid: '' }
  return host.pull(branchOf({ rollout, bad: revert.bad }))?.state !== 'open'
}

/** For some minutes after a restoring commit the Rollout waits for it to be read. */
function isReading({ revert }: RolloutStatus, { kernel }: World): boolean {
  return revert?.state === 'Committed' && kernel.now() < Date.parse(revert.at) + 150_000
}

/** A Deployment of more pods than are asked for, or that can not roll, is left alone; any other is taken over. */
function larger({ server }: World, size: number): string | null {
  const workload = server.get(deployments, rolloutKey)
  const now: number = workload?.['spec'].replicas ?? 0
  return now > size || workload?.['status']?.updatedReplicas !== now
    ? null
    : 'the Deployment is not taken over'
}

function orphans(world: World): string | null {
  const { server, scenario } = world
  const router = routerOf(scenario)
  const kinds = new Set([replicaSets, services, router.route, router.subsets ?? router.route])
  const left = [...kinds].flatMap((kind) =>
    server.list(kind).filter(({ metadata }) => metadata.ownerReferences !== undefined),
  )
  const changed = router.users.find((user) => !isAsGiven(server, router, user))
  if (changed) return `${changed.kind} ${changed.metadata.name} is not as its user gave it`
  const stray = strayCopy(server, null)
  if (stray) return stray
  const kept = workloadAtRest(world)
  if (kept) return kept
  return left.length === 0 ? null : `${left.length} objects are left of a Rollout that is gone`
}

/** What was a user's is as it was, all traces gone. */
function isAsGiven(server: World['server'], router: RouterPart, user: KubeObject): boolean {
  const resource = user.kind === 'Service' ? services : router.route
  const now = server.get(resource, { ...user.metadata })
  const traces = Object.keys(now?.metadata.annotations ?? {})
  return isDeepStrictEqual(now?.['spec'], user['spec']) && traces.length === 0
}

/** The API server refuses what Git says, and the GitSource tells so. */
function isRefused({ server }: World): boolean {
  const [source] = server.list(gitSources)
  return (source?.['status']?.errors?.length ?? 0) > 0
}

/** Another revision is asked for, and the status says why it does not get its turn. */
function held(status: RolloutStatus, target: string): string | null {
  if (status.stable?.revision === target) return null
  const reasons = ['Quarantined', 'ScaledToZero', 'FleetGone', 'PodsNotReady', 'Proposed']
  const reason = status.blockedBy?.reason ?? ''
  return reasons.includes(reason)
    ? null
    : `${target} is asked for, ${status.stable?.revision} is stable, and nothing says why`
}

/** The weights of the status are stored and in effect. */
function served({ mesh }: World, status: RolloutStatus): string | null {
  const stored = mesh.stored()
  for (const [revision, weight] of Object.entries(stored)) {
    if (mesh.effective(revision) !== weight) return `proxies use another weight for ${revision}`
  }
  const known = [status.stable?.revision, status.canary?.revision]
  const stranger = Object.keys(stored).find((revision) => !known.includes(revision))
  return stranger ? `${stranger} has weight` : null
}

/** Stable serves all, with all its pods, and nothing else is left. */
function alone(world: World, status: RolloutStatus, size: number): string | null {
  const { mesh, server, pods } = world
  const stable = status.stable?.revision ?? ''
  if (status.blockedBy?.reason === 'FleetGone') return null
  const isBroken = releaseOf(world, stable)?.quality.neverReady
  if (isBroken) return status.blockedBy ? null : 'stable has no pods and nothing says so'
  const stored = mesh.stored()
  if (stored[stable] !== 100 || Object.keys(stored).length !== 1)
    return `weights ${JSON.stringify(stored)}`
  if (mesh.effective(stable) !== 100) return 'proxies do not use the weights'
  const fleets = server.list(replicaSets)
  const beside = besideAtRest(world, stable) ?? workloadAtRest(world)
  if (beside) return beside
  const extra = fleets.find(({ metadata }) => metadata.labels?.[label.revision] !== stable)
  if (extra) return `${extra.metadata.name} is left`
  const stray = strayCopy(server, stable)
  if (stray) return stray
  if (fleets[0]?.['spec'].replicas !== size)
    return `stable has ${fleets[0]?.['spec'].replicas} of ${size}`
  if (pods.readyOf(stable) !== size) return `${pods.readyOf(stable)} of ${size} pods are ready`
  const mixed = mixedSubsets(world, stable)
  if (mixed) return mixed
  const old = unfenced(world, status)
  if (old) return old
  const isReady = status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
  const isWanted = status.phase === 'Stable' && status.blockedBy === undefined
  return isWanted && !isReady ? 'all is well and the Rollout is not Ready' : null
}

function mixedSubsets({ mesh, scenario }: World, stable: string): string | null {
  const subsets = [...mesh.subsets()]
  const isApart = routerOf(scenario).subsets !== null
  const isMixed = isApart && (subsets.length !== 1 || subsets[0] !== stable)
  return isMixed ? `subsets ${subsets}` : null
}
