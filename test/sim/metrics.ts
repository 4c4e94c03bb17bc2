// Questions of the analyst in, answers from the true traffic out, as a provider that scrapes would give them
// on a good day, and what providers give on bad days. It remembers which of its answers were worth something.
import { istio } from '../../analysis/metrics/istio.ts'
import { type Provider, ProviderError, type Sample } from '../../analysis/provider.ts'
import type { Choices, Strike } from './choices.ts'
import type { Kernel, Process } from './kernel.ts'
import { namespace } from './scenario.ts'
import type { Truth } from './truth.ts'

export interface Metrics {
  providerOf(process: Process): Provider
  /** Whether an answer given for this instant was true. */
  wasTrue(metric: string, atMs: number): boolean
  heal(): void
}

export interface MetricsParts {
  readonly kernel: Kernel
  readonly choices: Choices
  readonly truth: Truth
  readonly scrapeMs: number
}

interface Question {
  readonly metric: 'requests' | 'durations' | 'own'
  readonly revisions: readonly string[]
  readonly windowMs: number
}

/** Bounds of buckets, ms, and the share of fast requests below each. */
const buckets = [10, 50, 100, 250, 500, 1_000, 2_500]

export function createMetrics(parts: MetricsParts): Metrics {
  const { kernel, choices, truth, scrapeMs } = parts
  const answered = new Map<string, boolean>()
  const skew = choices.at('P9')?.between(0, -2_000, 2_000) ?? 0
  let gap: { readonly fromMs: number; readonly untilMs: number } | null = null

  /** The scrape that an instant sees. */
  const scrapeAt = (ms: number) => {
    const at = Math.floor(ms / scrapeMs) * scrapeMs
    return gap && at > gap.fromMs && at < gap.untilMs ? gap.fromMs : at
  }

  const increase = (revision: string, question: Question, atMs: number) => {
    const last = scrapeAt(atMs)
    const first = Math.ceil((atMs - question.windowMs) / scrapeMs) * scrapeMs
    if (last <= first) return null
    const a = truth.countsAt(revision, first)
    const b = truth.countsAt(revision, last)
    const factor = question.windowMs / (last - first)
    return {
      ok: (b.ok - a.ok) * factor,
      failed: (b.failed - a.failed) * factor,
      slow: (b.slow - a.slow) * factor,
    }
  }

  const evaluate = (question: Question, atMs: number, strange: Strange): Sample[] =>
    question.revisions.flatMap((revision) => {
      const counts = increase(revision, question, atMs)
      if (!counts || counts.ok + counts.failed === 0) return []
      const odd = strange === 'nan' ? Number.NaN : 1
      if (question.metric === 'own') {
        const value = (odd * counts.failed) / (counts.ok + counts.failed)
        return [{ labels: {}, value, atMs }]
      }
      return question.metric === 'requests'
        ? requestRows(revision, counts, { odd, atMs })
        : durationRows(revision, counts, { odd, atMs })
    })

  const answer = (text: string, atMs: number): readonly Sample[] => {
    const question = parse(text)
    const key = `${question.metric}/${atMs}`
    const strange = strangeness(choices)
    const wasTrue = strange === null
    answered.set(key, (answered.get(key) ?? false) || wasTrue)
    if (strange === 'refused') throw new ProviderError('refused', { isAboutQuery: true })
    if (strange === 'broken') throw new ProviderError('not a vector', { isAboutQuery: false })
    if (strange === 'empty') return []
    truth.settle()
    const samples = evaluate(question, atMs + skew, strange)
    const [first] = samples
    return strange === 'several' && first ? [first, ...samples] : samples
  }

  return {
    wasTrue: (metric, atMs) => answered.get(`${metric}/${atMs}`) ?? false,
    heal: () => {
      gap = null
    },
    providerOf: (process) => ({
      query(text, atMs) {
        const down = choices.at('P1')
        const slow = down ? null : choices.at('P2')
        if (choices.at('P5') && !gap) {
          const fromMs = scrapeAt(kernel.now())
          gap = { fromMs, untilMs: fromMs + 6 * scrapeMs }
          kernel.after(6 * scrapeMs, () => {
            gap = null
          })
        }
        return new Promise((resolve, reject) => {
          const ms = slow ? 10_000 : 10
          kernel.after(
            ms,
            () => {
              if (down || slow) {
                reject(new ProviderError('no answer', { isAboutQuery: false }))
                return
              }
              try {
                resolve(answer(text, atMs))
              } catch (error) {
                reject(error)
              }
            },
            process,
          )
        })
      },
    }),
  }
}

type Strange = 'empty' | 'nan' | 'refused' | 'broken' | 'several' | null

function strangeness(choices: Choices): Strange {
  const struck = (strike: Strike | null, strange: Strange) => (strike ? strange : null)
  return (
    struck(choices.at('P3'), 'empty') ??
    struck(choices.at('P4'), 'nan') ??
    struck(choices.at('P6'), 'broken') ??
    struck(choices.at('P7'), 'broken') ??
    struck(choices.at('P8'), 'empty') ??
    struck(choices.at('P11'), 'refused')
  )
}

interface Row {
  readonly odd: number
  readonly atMs: number
}

interface Increase {
  readonly ok: number
  readonly failed: number
  readonly slow: number
}

function labelsOf(revision: string): Record<string, string> {
  return {
    destination_service_namespace: namespace,
    destination_service_name: 'checkout',
    destination_canonical_revision: revision,
  }
}

function requestRows(revision: string, { ok, failed }: Increase, { odd, atMs }: Row): Sample[] {
  const row = (text: string, value: number) => ({
    labels: { ...labelsOf(revision), response_code: text, grpc_response_status: '' },
    value: value * odd,
    atMs,
  })
  return failed > 0 ? [row('200', ok), row('500', failed)] : [row('200', ok)]
}

function durationRows(
  revision: string,
  { ok, failed, slow }: Increase,
  { odd, atMs }: Row,
): Sample[] {
  const total = ok + failed
  const labels = labelsOf(revision)
  const rows = buckets.map((edge) => ({
    labels: { ...labels, le: String(edge) },
    value:
      odd *
      (edge < 1_000
        ? (total - slow) * Math.min(1, edge / 100)
        : edge < 2_500
          ? total - slow
          : total),
    atMs,
  }))
  return [...rows, { labels: { ...labels, le: '+Inf' }, value: odd * total, atMs }]
}

const questions = new Map<string, Question>()

/** Only what analysis/query/query.ts renders, and the one query of the scenarios. */
function parse(text: string): Question {
  const known = questions.get(text)
  if (known) return known
  const own = /^own\((\w+)\)$/.exec(text)
  const window = /\[(\d+)(ms|s)\]/.exec(text)
  const matcher = /destination_canonical_revision=~?"([^"]*)"/.exec(text)
  if (!own && (!window || !matcher)) throw new Error(`the simulation can not answer ${text}`)
  const question: Question = own
    ? { metric: 'own', revisions: [own[1] ?? ''], windowMs: 60_000 }
    : {
        metric: text.includes(istio.callers.durationBuckets) ? 'durations' : 'requests',
        revisions: (matcher?.[1] ?? '').split('|'),
        windowMs: Number(window?.[1]) * (window?.[2] === 's' ? 1_000 : 1),
      }
  if (questions.size > 10_000) questions.clear()
  questions.set(text, question)
  return question
}
