// A Rollout as the API server holds it in, what the plugin shows and judges out. What does not fit is absent.
import type { Step } from '../../controller/rollout/steps.ts'
import { commandAnnotation } from '../../crds/names.ts'
import { revisionOf } from '../../crds/revision.ts'
import type { Evidence, RevertState, RolloutStatus } from '../../crds/rollout-status.ts'
import { outcomes, phases, revertStates, type Verb } from '../../crds/words.ts'
import { compact, type Json, list, number, oneOf, record, text, texts } from '../json.ts'
import { printable } from '../render.ts'
import { readSteps } from './strategy.ts'

export type Phase = NonNullable<RolloutStatus['phase']>
export type Outcome = Evidence['outcome']

export interface Release {
  readonly revision: string
  readonly commit?: string
  /** Of that commit. */
  readonly author?: string
}

/** What one check said last. */
export interface Finding {
  readonly check: string
  readonly outcome?: Outcome
  readonly because?: string
  readonly value?: number
  readonly stable?: number
  readonly min?: number
  readonly max?: number
  readonly unit: 'percent' | 'seconds' | 'plain'
  /** Values in this trial, oldest first. */
  readonly trend: readonly number[]
  readonly stableTrend: readonly number[]
}

/** A trial that ended. */
export interface PastRelease extends Release {
  readonly outcome: (typeof endings)[number]
  readonly because: string
  /** How far it came, such as 2/4. */
  readonly progress?: string
  readonly startedAt?: number
  readonly endedAt?: number
  /** What each check said last. */
  readonly verdicts: readonly Pick<Finding, 'check' | 'outcome'>[]
}

const endings = ['Promoted', 'Aborted', 'Superseded'] as const

export interface RolloutView {
  readonly namespace: string
  readonly name: string
  readonly resourceVersion: string
  readonly annotations: Readonly<Record<string, string>>
  readonly createdAt?: number
  /** The revision that the spec asks for now. */
  readonly target: string
  readonly steps: readonly Step[]
  readonly checkCount: number
  readonly phase?: Phase
  readonly step?: number
  readonly progress?: string
  readonly since?: number
  /** When the trial began. */
  readonly startedAt?: number
  readonly stable?: Release
  readonly canary?: Release
  readonly weight?: number
  readonly weights: Readonly<Record<string, number>>
  readonly because?: string
  readonly blockedBy?: {
    readonly reason?: string
    readonly message?: string
    readonly since?: number
  }
  readonly evidence: readonly Finding[]
  readonly quarantine: readonly string[]
  /** Newest first. */
  readonly history: readonly PastRelease[]
  /** Stable before, newest first; the first release of all had no trial that a history could tell of. */
  readonly former: readonly Release[]
  /** When each condition became what it is, by type. */
  readonly conditions: Readonly<
    Record<string, { readonly isTrue: boolean; readonly since?: number }>
  >
  /** Identity of the last command consumed, by verb. */
  readonly consumed: Readonly<Record<string, string>>
  readonly revert?: {
    readonly state?: RevertState['state']
    readonly commit?: string
    readonly because?: string
  }
}

export function readRollout(object: unknown): RolloutView {
  const { metadata: rawMetadata, spec: rawSpec, status: rawStatus } = record(object)
  const metadata = record(rawMetadata)
  const spec = record(rawSpec)
  const status = record(rawStatus)
  const units = checkUnits(spec)
  return {
    namespace: text(metadata['namespace']) ?? '',
    name: text(metadata['name']) ?? '',
    resourceVersion: text(metadata['resourceVersion']) ?? '',
    annotations: texts(metadata['annotations']),
    // Only when asked for: of thousands in a list, nobody asks.
    get target() {
      const isAlone = spec['config'] === undefined && spec['workloadRef'] === undefined
      // What stands in other objects too only the controller knows.
      return isAlone ? revisionOf(spec['template']) : (text(status['target']) ?? '')
    },
    get steps() {
      return readSteps(spec)
    },
    checkCount: Object.keys(units).length,
    weights: readWeights(status),
    evidence: list(status['evidence']).map((one) => readFinding(record(one), units)),
    quarantine: list(status['quarantine']).flatMap((one) => text(record(one)['revision']) ?? []),
    consumed: texts(status['commands']),
    history: list(status['history']).flatMap((one) => readPast(record(one)) ?? []),
    former: list(status['former']).flatMap((one) => readRelease(one) ?? []),
    conditions: readConditions(status),
    ...compact({
      createdAt: time(metadata['creationTimestamp']),
      phase: oneOf(phases, status['phase']),
      step: number(status['step']),
      progress: sentence(status['progress']),
      since: time(status['since']),
      startedAt: time(status['startedAt']),
      stable: readRelease(status['stable']),
      canary: readRelease(status['canary']),
      weight: number(status['weight']),
      because: sentence(status['because']),
      blockedBy:
        status['blockedBy'] === undefined ? undefined : blocked(record(status['blockedBy'])),
      revert: status['revert'] === undefined ? undefined : revert(record(status['revert'])),
    }),
  }
}

// The lists of crds/rollout-status.ts cost the schema library; the types hold these against them.

export interface Pending {
  readonly by: string
  /** Of promote: without the steps that are left. */
  readonly isFull: boolean
  readonly revision?: string
  readonly step?: number
}

/** The command of a verb that was given and not consumed yet. */
export function pendingCommand(rollout: RolloutView, verb: Verb): Pending | null {
  const command = record(parseJson(rollout.annotations[commandAnnotation(verb)]))
  const id = text(command['id'])
  if (id === undefined || rollout.consumed[verb] === id) return null
  return {
    by: sentence(command['by']) ?? 'somebody',
    isFull: command['full'] === true,
    ...compact({ revision: text(command['revision']), step: number(command['step']) }),
  }
}

function parseJson(annotation: string | undefined): unknown {
  try {
    return JSON.parse(annotation ?? 'null')
  } catch {
    return null
  }
}

function checkUnits(spec: Json): Readonly<Record<string, Finding['unit']>> {
  const units: Record<string, Finding['unit']> = {}
  for (const check of list(record(spec['analysis'])['checks']).map(record)) {
    const name = text(check['name'])
    if (name === undefined) continue
    units[name] = check['successRate'] ? 'percent' : check['latency'] ? 'seconds' : 'plain'
  }
  return units
}

function readVerdict(one: Json) {
  const outcome = oneOf(outcomes, one['outcome'])
  return { check: sentence(one['check']) ?? '', ...compact({ outcome }) }
}

function readFinding(one: Json, units: Readonly<Record<string, Finding['unit']>>): Finding {
  const verdict = readVerdict(one)
  return {
    ...verdict,
    unit: units[verdict.check] ?? 'plain',
    trend: list(one['trend']).flatMap((value) => number(value) ?? []),
    stableTrend: list(one['stableTrend']).flatMap((value) => number(value) ?? []),
    ...compact({
      because: sentence(one['because']),
      value: number(one['value']),
      stable: number(one['stable']),
      min: number(one['min']),
      max: number(one['max']),
    }),
  }
}

function readWeights(status: Json): Readonly<Record<string, number>> {
  const weights: Record<string, number> = {}
  for (const one of list(status['weights']).map(record)) {
    const revision = sentence(one['revision'])
    if (revision !== undefined) weights[revision] = number(one['weight']) ?? 0
  }
  return weights
}

function readRelease(value: unknown): Release | undefined {
  const { revision, commit, author } = record(value)
  const hash = sentence(revision)
  return hash === undefined
    ? undefined
    : { revision: hash, ...compact({ commit: sentence(commit), author: sentence(author) }) }
}

function readPast(value: Json): PastRelease | undefined {
  const release = readRelease(value)
  const outcome = oneOf(endings, value['outcome'])
  if (!release || !outcome) return undefined
  return {
    ...release,
    outcome,
    because: sentence(value['because']) ?? '',
    verdicts: list(value['verdicts']).map(record).map(readVerdict),
    ...compact({
      progress: sentence(value['progress']),
      startedAt: time(value['startedAt']),
      endedAt: time(value['endedAt']),
    }),
  }
}

function readConditions(status: Json): RolloutView['conditions'] {
  const conditions: Record<string, { isTrue: boolean; since?: number }> = {}
  for (const one of list(status['conditions']).map(record)) {
    const since = time(one['lastTransitionTime'])
    const isTrue = one['status'] === 'True'
    conditions[sentence(one['type']) ?? ''] = { isTrue, ...compact({ since }) }
  }
  return conditions
}

function blocked(value: Json) {
  return compact({
    reason: sentence(value['reason']),
    message: sentence(value['message']),
    since: time(value['since']),
  })
}

function revert(value: Json) {
  return compact({
    state: oneOf(revertStates, value['state']),
    commit: sentence(value['commit']),
    because: sentence(value['because']),
  })
}

function sentence(value: unknown): string | undefined {
  const found = text(value)
  return found === undefined ? undefined : printable(found)
}

function time(value: unknown): number | undefined {
  const found = Date.parse(text(value) ?? '')
  return Number.isNaN(found) ? undefined : found
}
