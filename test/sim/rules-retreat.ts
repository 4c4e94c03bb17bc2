// What an abort owes to those who send requests: as much traffic off the bad revision as stable can bear, at
// once, and Git only after that.
import { durationMs } from '../../crds/duration.ts'
import type { Change } from './api-server.ts'
import type { Push } from './git-host.ts'
import { weightsOf } from './routes.ts'
import { routeLog } from './routing.ts'
import { skewMs } from './rules-status.ts'
import {
  type Rule,
  replicasSince,
  rolloutOf,
  staleMs,
  statusOf,
  type View,
  wasTouched,
} from './view.ts'

export const retreatRules: readonly Rule<Change>[] = [
  {
    name: 'V8-retreat',
    says: 'after an abort stable gets the share that its ready pods can bear, without waiting for all of them',
    check(view, { object, previous, at }) {
      const { phase, stable, since } = statusOf(rolloutOf(view))
      if (phase !== 'Aborted' || !stable || !since || !previous) return null
      const from = view.kernel.now() - patienceMs(view)
      const log = routeLog(view)
      const last = log.findLast((change) => change.at < at)
      const isOld = Date.parse(since) < from && last !== undefined && last.at < from
      if (!isOld || wasTouched(log, from)) return null
      const [before, after] = [previous, object].map((one) => weightsOf(one)[stable.revision] ?? 0)
      const size = Math.max(...replicasSince(view, from))
      const ready = view.pods.leastReadySince(stable.revision, from)
      const share = size > 0 ? Math.min(100, Math.floor((100 * ready) / size)) : 0
      return (after ?? 0) > (before ?? 0) && share > (before ?? 0)
        ? `${ready} of ${size} pods could bear ${share} % and had ${before} % for long`
        : null
    },
  },
]

export const restoreRules: readonly Rule<Push>[] = [
  {
    name: 'G6-measured',
    says: 'Git is restored only when a release was measured to be bad, or a person said so',
    check(view) {
      const { phase, reason } = statusOf(rolloutOf(view))
      const isGround = ['failed', 'pods', 'person'].includes(reason ?? '')
      return phase === 'Aborted' && !isGround ? `the reason is ${reason}` : null
    },
  },
  {
    name: 'V8-delay',
    says: 'Git waits as long as was asked, so that people may say a word first',
    check(view) {
      const rollout = rolloutOf(view)
      const { revert } = statusOf(rollout)
      if (revert?.state !== 'Requested') return null
      const waitedMs = view.kernel.now() - Date.parse(revert.at)
      const delayMs = durationMs(rollout?.['spec'].revert.delay ?? '0s')
      return waitedMs + skewMs(view) < delayMs ? `after ${waitedMs} ms of ${delayMs}` : null
    },
  },
  {
    name: 'V8-git',
    says: 'Git is restored only when no proxy serves the bad revision any more',
    check(view) {
      const { phase, revert } = statusOf(rolloutOf(view))
      if (phase !== 'Aborted' || !revert) return null
      const { revision } = revert.bad
      const log = routeLog(view)
      if (wasTouched(log, view.kernel.now() - patienceMs(view))) return null
      const weight = view.mesh.effective(revision)
      return weight > 0 ? `a proxy gives ${weight} % to ${revision}` : null
    },
  },
]

const slowing = /^(K1|K3|K4|K9|X4|X5|C1|C2|C3|C5|U1|U2)#/

/** So long may a write that is due take, by what went wrong in this run. */
function patienceMs(view: View): number {
  const isSlow = view.choices.made.some((key) => slowing.test(key))
  return staleMs(view) + (isSlow ? 150_000 : 5_000)
}
