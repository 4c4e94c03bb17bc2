// Rounds of analysis: which rollouts have a canary under traffic in, a verdict for each out. One round
// asks for all of them together, so that the metrics provider sees a few grouped queries.
import type { Analyst, Subject } from '../analysis/analyst.ts'
import type { Verdict } from '../analysis/verdict.ts'
import type { Rollout } from '../crds/rollout.ts'
import type { MetricSource } from '../crds/words.ts'
import type { KubeObject } from '../kube/api.ts'
import type { Clock } from '../kube/clock.ts'
import { hostOf } from '../traffic/router.ts'
import { checksOf } from './observe/checks.ts'
import { type Memory, type Observed, observe } from './observe/observe.ts'
import type { World } from './observe/world.ts'
import { type Question, questionOf } from './rollout/question.ts'
import { UnreadableStatus } from './rollout/state.ts'

export interface Judging {
  readonly world: World
  readonly memory: Memory
  readonly analyst: Analyst
  readonly clock: Clock
  /** Time between rounds, ms: the scrape interval, since there is nothing new before that. */
  readonly intervalMs: number
  readonly isLeading: () => boolean
  /** A verdict is there: decide again. */
  readonly onVerdict: (key: string, verdict: Verdict) => void
  readonly onError: (error: unknown) => void
}

export async function keepJudging(judging: Judging, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await judging.clock.sleep(judging.intervalMs, signal)
    if (signal.aborted || !judging.isLeading()) continue
    try {
      await judgeOnce(judging)
    } catch (error) {
      judging.onError(error)
    }
  }
}

/** One round over all rollouts that have something to ask. */
export async function judgeOnce(judging: Judging): Promise<void> {
  forgetGone(judging)
  const { world, memory, analyst, clock } = judging
  const asked = world.rollouts
    .list()
    .filter(isOnTrial)
    .flatMap((object) => ask(judging, object))
  const subjects = asked.flatMap(({ subject }) => (subject ? [subject] : []))
  const verdicts = subjects.length > 0 ? await analyst.judge(subjects) : noVerdicts
  for (const { key, uid, question, problem } of asked) {
    const verdict = problem ? unanswerable(question, problem, clock.now()) : verdicts.get(key)
    if (!verdict) continue
    memory.verdicts.set(uid, verdict)
    judging.onVerdict(key, verdict)
  }
}

const noVerdicts: ReadonlyMap<string, Verdict> = new Map()

/** What is remembered of rollouts that are gone goes too, once it is worth looking. */
function forgetGone({ world, memory }: Judging): void {
  const remembered = Math.max(memory.verdicts.size, memory.reverts.size)
  if (remembered <= 2 * world.rollouts.size + spare) return
  const uids = new Set(world.rollouts.list().map((object) => object.metadata.uid))
  for (const known of [memory.verdicts, memory.reverts]) {
    for (const uid of known.keys()) if (!uids.has(uid)) known.delete(uid)
  }
}

const spare = 100

interface Asked {
  readonly key: string
  readonly uid: string
  readonly question: Question
  readonly subject: Subject | null
  readonly problem: string | null
}

function ask({ world, memory, clock }: Judging, object: KubeObject): Asked[] {
  const { namespace = '', name } = object.metadata
  const observed = observe({ world, memory, now: clock.now() }, namespace, name)
  if (!observed || 'problem' in observed) return []
  const question = safeQuestion(observed)
  if (!question) return []
  const { rollout, snapshot } = observed
  const key = `${namespace}/${name}`
  const resolved = checksOf(world, namespace, rollout)
  const common = { key, uid: snapshot.identity.uid, question }
  if (resolved.kind === 'problem') return [{ ...common, subject: null, problem: resolved.because }]
  const [host = ''] = hostOf(rollout.spec).split('.')
  const subject: Subject = {
    ...question,
    key,
    namespace,
    name,
    host,
    ...startOf(snapshot.status.startedAt),
    metrics: metricsOf(rollout.spec),
    checks: resolved.checks,
    minRequests: rollout.spec.analysis?.minRequests ?? 1,
    weightPercent: snapshot.route.weights[question.revision] ?? 0,
  }
  return [{ ...common, subject, problem: null }]
}

function startOf(startedAt: string | undefined): Pick<Subject, 'startedMs'> {
  const startedMs = Date.parse(startedAt ?? '')
  return Number.isNaN(startedMs) ? {} : { startedMs }
}

/** Whose metrics built-in checks read: as named, or those of the mesh that splits the traffic. */
function metricsOf({ analysis, traffic }: Rollout['spec']): MetricSource {
  if (analysis?.metrics) return analysis.metrics
  if (traffic.istio) return 'istio'
  return traffic.linkerd ? 'linkerd' : 'openmetrics'
}

function safeQuestion({ snapshot }: Observed): Question | null {
  try {
    return questionOf(snapshot)
  } catch (error) {
    // The reconciler tells the person; here there is only nothing to ask.
    if (error instanceof UnreadableStatus) return null
    throw error
  }
}

/** A cheap look at the raw object, since of thousands of rollouts few are on trial. */
function isOnTrial(object: KubeObject): boolean {
  const phase = object['status']?.phase
  return phase === 'Progressing' || phase === 'Paused'
}

function unanswerable(question: Question, because: string, now: number): Verdict {
  const { revision, step, fromMs } = question
  return { revision, step, from: fromMs, at: now, outcome: 'Error', because, evidence: [] }
}
