// A rollout and its pods in, the whole story as a tree out; `status` prints it once, `watch` again and again.
import { formatDuration } from '../../crds/duration.ts'
import type { Connection } from '../invocation.ts'
import { list, number, record, texts } from '../json.ts'
import type { Branch } from '../render.ts'
import { holdLeftMs } from './blocker.ts'
import { outcomeMark, phaseTone } from './phase-tone.ts'
import type { Finding, Release, RolloutView } from './rollout-view.ts'
import { sparklines } from './sparkline.ts'

/** Pods of each revision, as `2/3 pods ready`; null when they may not be read. */
export type Pods = Readonly<Record<string, string>> | null

export async function readPods({ client, namespace }: Connection, name: string): Promise<Pods> {
  try {
    const path = `/apis/apps/v1/namespaces/${namespace}/replicasets`
    const found = await client.list(path, { labelSelector: `sluice.dev/rollout=${name}` })
    const pods: Record<string, string> = {}
    for (const item of list(found['items']).map(record)) {
      const revision = texts(record(item['metadata'])['labels'])['sluice.dev/revision']
      const desired = number(record(item['spec'])['replicas']) ?? 1
      const ready = number(record(item['status'])['readyReplicas']) ?? 0
      if (revision !== undefined) pods[revision] = `${ready}/${desired} pods ready`
    }
    return pods
  } catch {
    // The rollout itself says what is wrong, if anything is; without this right the rest is still worth showing.
    return null
  }
}

export function statusTree(rollout: RolloutView, pods: Pods, now: number): Branch {
  const { because, blockedBy } = rollout
  const waits = blockedBy?.since === undefined ? '' : ` (for ${ago(blockedBy.since, now)})`
  return {
    label: `${rollout.namespace}/${rollout.name}`,
    branches: [
      phaseBranch(rollout, now),
      ...(because ? [{ label: 'because', text: because }] : []),
      ...(blockedBy?.message
        ? [{ label: 'waits', tone: 'warn' as const, text: `${blockedBy.message}${waits}` }]
        : []),
      { label: 'steps', branches: stepBranches(rollout, now) },
      { label: 'revisions', branches: revisionBranches(rollout, pods) },
      ...(rollout.evidence.length > 0
        ? [{ label: 'checks', branches: rollout.evidence.map(checkBranch) }]
        : []),
      ...revertBranches(rollout),
    ],
  }
}

function phaseBranch({ phase, progress, since }: RolloutView, now: number): Branch {
  const parts = [
    phase ?? 'not looked at by the controller yet',
    ...(progress ? [`at step ${progress}`] : []),
    ...(since === undefined ? [] : [`for ${ago(since, now)}`]),
  ]
  return { label: 'phase', tone: phase && phaseTone[phase], text: parts.join(' ') }
}

function stepBranches(rollout: RolloutView, now: number): Branch[] {
  const { steps, step = -1, phase } = rollout
  const isOnTrial = phase === 'Progressing' || phase === 'Paused'
  return steps.map(({ weight, holdMs, approval }, i) => {
    const here = isOnTrial ? Math.sign(i - step) : 1
    const begun = here === 0 ? begunText(rollout, now) : ''
    const hold = holdMs > 0 ? `  hold ${formatDuration(holdMs)}${begun}` : ''
    return {
      label: String(i + 1),
      mark: here === 0 ? marks.here : here < 0 ? marks.past : marks.ahead,
      text: `${String(weight).padStart(3)} %${hold}${approval ? '  then approval' : ''}`,
    }
  })
}

const marks = {
  past: { text: '✓', tone: 'good' },
  here: { text: '▶', tone: 'busy' },
  ahead: { text: '·', tone: 'dim' },
} as const

function begunText(rollout: RolloutView, now: number): string {
  const leftMs = holdLeftMs(rollout, now)
  if (leftMs > 0) return `, at least ${formatDuration(leftMs)} left`
  return rollout.since === undefined ? '' : `, begun ${ago(rollout.since, now)} ago`
}

function revisionBranches({ stable, canary, weights, phase }: RolloutView, pods: Pods): Branch[] {
  const known = new Map<string, { readonly label: string; readonly release: Release }>()
  if (canary && phase !== 'Stable') known.set(canary.revision, { label: 'canary', release: canary })
  if (stable) known.set(stable.revision, { label: 'stable', release: stable })
  for (const revision of [...Object.keys(weights), ...Object.keys(pods ?? {})]) {
    if (!known.has(revision)) known.set(revision, { label: 'old', release: { revision } })
  }
  return [...known.values()].map(({ label, release: { revision, commit, author } }) => ({
    label,
    text: [
      revision,
      `${String(weights[revision] ?? 0).padStart(3)} %`,
      pods ? (pods[revision] ?? 'no pods') : 'pods unknown',
      ...(commit ? [`commit ${commit.slice(0, 10)}${author ? ` by ${author}` : ''}`] : []),
    ].join('  '),
  }))
}

function checkBranch(finding: Finding): Branch {
  const { check, outcome, value, min, max, stable, because } = finding
  const shown = (number: number) => withUnit(number, finding.unit)
  const bounds = [
    ...(min === undefined ? [] : [`at least ${shown(min)}`]),
    ...(max === undefined ? [] : [`at most ${shown(max)}`]),
    ...(stable === undefined ? [] : [`stable ${shown(stable)}`]),
  ]
  const numbers = value === undefined ? '' : `  ${shown(value)}`
  const wanted = bounds.length > 0 ? `  (${bounds.join(', ')})` : ''
  return {
    label: check,
    ...(outcome && { mark: outcomeMark[outcome] }),
    ...(finding.trend.length > 1 && { branches: trendBranches(finding) }),
    text: `${outcome ?? 'Unknown'}${numbers}${wanted}${because ? `  ${because}` : ''}`,
  }
}

/** How each revision did, from step to step; both in one scale. */
function trendBranches({ trend, stableTrend }: Finding): Branch[] {
  const [canary = '', stable = ''] = sparklines([trend, stableTrend])
  return [
    { label: 'canary', text: canary },
    ...(stableTrend.length > 1 ? [{ label: 'stable', text: stable }] : []),
  ]
}

function withUnit(value: number, unit: Finding['unit']): string {
  const rounded = Number(value.toPrecision(6))
  if (unit === 'percent') return `${rounded} %`
  if (unit === 'plain') return String(rounded)
  return value < 1 ? `${Number((value * 1000).toPrecision(4))} ms` : `${rounded} s`
}

function revertBranches({ revert }: RolloutView): Branch[] {
  if (!revert) return []
  const { state = 'Unknown', commit, because } = revert
  const by = commit ? ` by commit ${commit.slice(0, 10)}` : ''
  return [{ label: 'revert', text: `${state}${by}${because ? `: ${because}` : ''}` }]
}

function ago(since: number, now: number): string {
  return formatDuration(Math.floor(Math.max(0, now - since) / 1_000) * 1_000)
}
