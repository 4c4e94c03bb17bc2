// Statuses that leave a step in; steps left before their hold was over, or without the word they wait for, out.
import { durationMs } from '../../crds/duration.ts'
import { commandAnnotation } from '../../crds/names.ts'
import type { KubeObject } from '../../kube/api.ts'
import type { Change } from './api-server.ts'
import { stepAt } from './plan.ts'
import { routeLog } from './routing.ts'
import { skewMs } from './rules-status.ts'
import { type Rule, rolloutAt, staleMs, statusOf, type View, wasTouched } from './view.ts'

interface Gate {
  readonly holdMs: number
  readonly approval: boolean
}

/** The gate that this status passes, and since when; null when it passes none, or the spec is too new to tell. */
function passing(
  view: View,
  { object, previous }: Change,
): (Gate & { sinceMs: number; isByPerson: boolean }) | null {
  const [before, after] = [statusOf(previous), statusOf(object)]
  const { phase, canary, step = 0, since, stable, attempt } = before
  if ((phase !== 'Progressing' && phase !== 'Paused') || !canary || !since) return null
  const isPromoted =
    after.stable?.revision === canary.revision && stable?.revision !== canary.revision
  const isNext =
    after.attempt === attempt && after.phase === 'Progressing' && (after.step ?? 0) > step
  if (!isPromoted && !isNext) return null
  const known = rolloutAt(view, view.kernel.now() - staleMs(view))
  if (known?.['spec'] !== object['spec']) return null
  const promote = after.commands?.promote
  const isByPerson = promote !== undefined && promote !== before.commands?.promote
  return { ...gateAt(object['spec'], step), sinceMs: Date.parse(since), isByPerson }
}

/** Written once more, apart from the product. */
function gateAt(spec: KubeObject['spec'], index: number): Gate {
  const gates: { hold?: string; approval?: boolean }[] = spec.blueGreen
    ? [{ approval: spec.blueGreen.approval }, { hold: spec.blueGreen.hold }]
    : spec.canary.steps
  const gate = gates[Math.min(index, gates.length - 1)]
  return { holdMs: durationMs(gate?.hold ?? '0s'), approval: gate?.approval === true }
}

export const gateRules: readonly Rule<Change>[] = [
  {
    name: 'L4-hold',
    says: 'a step is left only when its hold is over, or by the word of a person',
    check(view, change) {
      const gate = passing(view, change)
      if (!gate || gate.isByPerson) return null
      const heldMs = view.kernel.now() - gate.sinceMs
      return heldMs + skewMs(view) < gate.holdMs ? `after ${heldMs} ms of ${gate.holdMs}` : null
    },
  },
  {
    name: 'H2-approval',
    says: 'a step that waits for approval is left only by the word of a person',
    check(view, change) {
      const gate = passing(view, change)
      return gate?.approval && !gate.isByPerson ? 'nobody said promote' : null
    },
  },
  {
    name: 'V1-live',
    says: 'a step is left only when proxies serve its weight, or by the word of a person',
    check(view, change) {
      const { canary, step = 0 } = statusOf(change.previous)
      const gate = passing(view, change)
      if (!gate || gate.isByPerson || !canary) return null
      if (wasTouched(routeLog(view), view.kernel.now() - staleMs(view))) return null
      const { weight } = stepAt(change.object['spec'], step)
      const served = view.mesh.proxies().map((weights) => weights?.[canary.revision] ?? 0)
      const isByPods = view.mesh.proxies().includes(null)
      return isByPods || served.every((one) => one === weight)
        ? null
        : `proxies give ${served} % and the step says ${weight} %`
    },
  },
  {
    name: 'M3-fresh',
    says: 'checks decide by what they measured since the step began',
    check(view, change) {
      const [before, after] = [statusOf(change.previous), statusOf(change.object)]
      const isFailed = after.phase === 'Aborted' && after.reason === 'failed'
      const isOnTrial = before.phase === 'Progressing' || before.phase === 'Paused'
      if (!isFailed || !isOnTrial || !before.since) return null
      const since = Date.parse(before.since) - skewMs(view)
      const failed = after.evidence?.filter(({ outcome }) => outcome === 'Failed') ?? []
      const isFresh = failed.some(({ at }) => Date.parse(at) >= since)
      return isFresh ? null : `${JSON.stringify(failed)}, and the step began at ${before.since}`
    },
  },
  {
    name: 'H2-meant',
    says: 'a word that was meant for another revision or step does nothing',
    check(_, { object, previous }) {
      const [before, after] = [statusOf(previous), statusOf(object)]
      if (after.decision === before.decision) return null
      for (const [verb, done] of words) {
        const isNews = after.commands?.[verb] !== before.commands?.[verb]
        if (!isNews || !after.because?.includes(done)) continue
        const text = previous?.metadata.annotations?.[commandAnnotation(verb)] ?? '{}'
        const meant: { revision?: string; step?: number } = JSON.parse(text)
        const isOther = meant.revision !== undefined && meant.revision !== before.canary?.revision
        const isOtherStep =
          verb !== 'abort' && meant.step !== undefined && meant.step !== before.step
        if (isOther || isOtherStep) return `${after.because}, which was meant for ${text}`
      }
      return null
    },
  },
]

const words = [
  ['promote', 'promoted it'],
  ['abort', 'aborted it'],
  ['pause', 'paused it'],
  ['resume', 'resumed it'],
] as const
