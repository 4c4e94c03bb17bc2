// A GitSource that was read in; whether a revert of its releases could be written now, as a condition, out. Tried
// before it is needed: a write path that is broken shows here, and not at the first bad release.
import { annotation } from '../../crds/names.ts'
import type { Readiness } from '../../git/write/readiness.ts'
import type { KubeObject } from '../../kube/api.ts'
import { type Reporter, readinessStatus, report } from './source-status.ts'

export interface WritePathWatch {
  /** Tries the write path when it is due, and tells what came of it. */
  look(object: KubeObject): Promise<void>
}

const wellMs = 30 * 60_000
const brokenMs = 5 * 60_000

export function createWatch(
  reporter: Reporter,
  check: (() => Promise<Readiness>) | undefined,
): WritePathWatch {
  let dueAtMs = 0
  return {
    async look(object) {
      const now = reporter.clock.now()
      if (!check || now < dueAtMs || !isNeeded(reporter, object)) return
      dueAtMs = now + brokenMs
      const readiness = await check()
      if (readiness.isReady) dueAtMs = now + wellMs
      await report(reporter, object, readinessStatus(object, readiness))
    },
  }
}

/** Whether any Rollout of the source may be restored by a commit or a pull request. */
function isNeeded({ world }: Reporter, { metadata }: KubeObject): boolean {
  return world.rollouts
    .list()
    .some(
      (rollout) =>
        rollout.metadata.namespace === metadata.namespace &&
        metadata.name ===
          (rollout['spec']?.revert?.source ?? rollout.metadata.annotations?.[annotation.source]) &&
        !['off', 'suggest'].includes(rollout['spec']?.revert?.mode),
    )
}
