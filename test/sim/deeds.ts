// What a script can make happen in a simulated world: releases, words of people, hands in the cluster. Times
// are the script's; nothing here is drawn from a seed.
import { commandAnnotation } from '../../crds/names.ts'
import type { Verb } from '../../crds/words.ts'
import type { KubeObject } from '../../kube/api.ts'
import { rollouts } from '../../kube/resources.ts'
import { edit, release } from './people.ts'
import { rolloutKey } from './scenario.ts'
import { statusOf } from './view.ts'
import type { World } from './world.ts'

/** Asks for the n-th release, counted from one: by a commit, or by applying it. */
export const ask = (world: World, version: number): void => release(world, version - 1)

export interface Saying {
  readonly verb: Verb
  readonly by?: string
  /** Only for this revision and step; left out, for whatever is on trial. */
  readonly about?: { readonly revision: string; readonly step: number }
  /** Only with promote. */
  readonly isInFull?: boolean
}

export function say(world: World, { verb, by = 'ada', about, isInFull }: Saying): void {
  const now = world.kernel.now()
  const full = isInFull ? { full: true } : {}
  const at = new Date(now).toISOString()
  const command = { id: `${verb}-${by}-${now}`, by, at, ...about, ...full }
  world.trace.note(() => `${by} says ${verb}${isInFull ? ' in full' : ''}`)
  edit(world, rollouts, {
    metadata: { annotations: { [commandAnnotation(verb)]: JSON.stringify(command) } },
  })
}

export const scale = (world: World, replicas: number): void =>
  edit(world, rollouts, { spec: { replicas } })

export type Role = 'stable' | 'canary'

export const revisionIn = (world: World, role: Role): string | undefined =>
  statusOf(world.server.get(rollouts, rolloutKey))[role]?.revision

/** All pods of a role end, and none of it starts again before `downMs` have passed. */
export function killPods(world: World, role: Role, downMs: number): void {
  const chosen = revisionIn(world, role)
  world.trace.note(() => `pods of the ${role} die`)
  world.pods.kill((revision) => revision === chosen, downMs)
}

/** Somebody's tool writes an empty status. */
export function loseStatus(world: World): void {
  const { server, kernel } = world
  const rollout = server.get(rollouts, rolloutKey)
  if (!rollout) return
  const by = { name: 'a backup', isController: false, sentAt: kernel.now(), verb: 'restore' }
  const { status: _, ...rest } = rollout
  server.replace(by, rollouts, rest as KubeObject, { subresource: 'status' })
}
