// Another version of the controller in, what it leaves in the status, and who mends it, out.
import type { KubeObject } from '../../kube/api.ts'
import { rollouts } from '../../kube/resources.ts'
import type { Writer } from './api-server.ts'
import { rolloutKey as key } from './scenario.ts'
import type { World } from './world.ts'

const by = (name: string, now: number): Writer => ({
  name,
  isController: false,
  sentAt: now,
  verb: 'edit',
})

/** The status as a version writes it that knows more, or other words. */
export function unknownFields(world: World, isReadable: boolean): void {
  const rollout = world.server.get(rollouts, key)
  if (!rollout?.['status']?.phase) return
  const status = {
    ...rollout['status'],
    ...(isReadable ? { novelty: { a: 1 } } : { phase: 'Rolling' }),
  }
  const next = { ...rollout, status } as KubeObject
  world.server.replace(by('other version', world.kernel.now()), rollouts, next, {
    subresource: 'status',
  })
  for (const running of world.controllers.running()) world.controllers.restart(running)
  if (isReadable) return
  // The person who went back goes forward again, and mends what was written meanwhile.
  world.kernel.after(60_000, () => mendStatus(world, rollout))
}

/** Somebody brings back what was stored before. */
export function mendStatus(world: World, before: KubeObject): void {
  const now = world.server.get(rollouts, key)
  if (now?.['status']?.phase !== 'Rolling') return
  const next = { ...now, status: before['status'] } as KubeObject
  world.server.replace(by('ada', world.kernel.now()), rollouts, next, { subresource: 'status' })
}
