// The text of a tick file in, facts of one rollout out: history of stable, and what each scrape added
// to both arms. Errors say where in the file they are. The format: docs/reference/ticks.md.
import type { Arm, History, Tick } from './counts.ts'
import type { Metric } from './spec.ts'
import { type FileArm, type PodCounts, readTickShape, type TickShape } from './tick-shape.ts'

export interface TickFile {
  readonly metric: Metric
  readonly scrapeMs: number
  readonly deadlineMs: number
  readonly canaryPods: number
  readonly edgesSeconds: readonly number[]
  readonly history: History
  readonly scrapes: readonly Scrape[]
  /** The first tick without a time of its own; null when all have one. */
  readonly firstUntimed: number | null
}

/** One scrape; an arm is null when it was not scraped. */
export interface Scrape {
  readonly atMs: number
  readonly canary: Arm | null
  readonly stable: Arm | null
  readonly weightPercent?: number
  readonly canaryRestarts?: number
}

/** The file is not a tick file; the message names the place and the reason. */
export class TickFileError extends Error {}

const shownProblems = 5

export function parseTicks(text: string, name: string): TickFile {
  const shape = readTickShape(parseJson(text, name))
  if ('problems' in shape) throw new TickFileError(problemText(name, shape.problems))
  const { file } = shape
  const problems = contradictions(file)
  if (problems.length > 0) throw new TickFileError(problemText(name, problems))
  const scrapeMs = file.scrapeSeconds * 1_000
  const untimed = file.ticks.findIndex(({ at }) => at === null)
  return {
    firstUntimed: untimed < 0 ? null : untimed,
    metric: file.metric,
    scrapeMs,
    deadlineMs: file.deadlineSeconds * 1_000,
    canaryPods: file.canaryPods,
    edgesSeconds: file.edgesSeconds,
    history: { pods: file.history.pods.map(({ n, x }) => ({ n, x: perEdge(x) })) },
    scrapes: file.ticks.map((tick, i) => ({
      atMs: tick.at ?? (i + 1) * scrapeMs,
      canary: tick.canary && armOf(tick.canary),
      stable: tick.stable && armOf(tick.stable),
      ...(tick.weight === null ? {} : { weightPercent: tick.weight }),
      ...(tick.restarts === null ? {} : { canaryRestarts: tick.restarts }),
    })),
  }
}

/** Counts that wait until both arms have been scraped. */
export interface Waiting {
  readonly canary: Arm | null
  readonly stable: Arm | null
  readonly canaryRestarts: number
}

export const nothingWaits: Waiting = { canary: null, stable: null, canaryRestarts: 0 }

/** A scrape in, one joint tick out once both arms have data; until then nothing is consumed. */
export function joinArms(
  waiting: Waiting,
  scrape: Scrape,
): { readonly waiting: Waiting; readonly tick: Tick | null } {
  const canary = sumOf(waiting.canary, scrape.canary)
  const stable = sumOf(waiting.stable, scrape.stable)
  const canaryRestarts = waiting.canaryRestarts + (scrape.canaryRestarts ?? 0)
  const isWhole = scrape.canary !== null && scrape.stable !== null
  if (!isWhole || canary === null || stable === null) {
    return { waiting: { canary, stable, canaryRestarts }, tick: null }
  }
  const { atMs, weightPercent } = scrape
  const weight = weightPercent === undefined ? {} : { weightPercent }
  return { waiting: nothingWaits, tick: { atMs, canary, stable, canaryRestarts, ...weight } }
}

function sumOf(a: Arm | null, b: Arm | null): Arm | null {
  if (a === null || b === null) return a ?? b
  return { n: a.n + b.n, x: b.x.map((x, i) => x + (a.x[i] ?? 0)) }
}

/** What the shape can not say: how many numbers are due, and their order. */
function contradictions(file: TickShape): readonly string[] {
  const isLatency = file.metric === 'latency'
  const edges = isLatency ? file.edgesSeconds.length : 1
  const problems: string[] = []
  if (isLatency && edges === 0) problems.push('edgesSeconds is needed for latency')
  if (!isLatency && file.edgesSeconds.length > 0) problems.push('edgesSeconds is for latency only')
  if (file.edgesSeconds.some((edge, i, all) => i > 0 && edge <= (all[i - 1] ?? 0))) {
    problems.push('edgesSeconds must ascend')
  }
  const scrapes = file.history.pods[0]?.n.length ?? 0
  for (const [i, pod] of file.history.pods.entries()) {
    problems.push(...ofPod(pod, { edges, scrapes }).map((text) => `history.pods[${i}].${text}`))
  }
  for (const [i, tick] of file.ticks.entries()) {
    for (const arm of ['canary', 'stable'] as const) {
      const found = tick[arm] === null ? edges : armOf(tick[arm]).x.length
      if (found !== edges) problems.push(`ticks[${i}].${arm}.x has ${found} numbers, not ${edges}`)
    }
  }
  return problems
}

function ofPod(
  { n, x }: PodCounts,
  due: { readonly edges: number; readonly scrapes: number },
): readonly string[] {
  const lists = perEdge(x)
  const problems: string[] = []
  if (n.length !== due.scrapes) {
    problems.push(`n has ${n.length} scrapes, the first pod has ${due.scrapes}`)
  }
  if (lists.length !== due.edges) problems.push(`x has ${lists.length} lists, not ${due.edges}`)
  for (const list of lists) {
    const above = list.findIndex((value, k) => value > (n[k] ?? 0))
    if (list.length !== n.length) problems.push(`x has ${list.length} scrapes, n has ${n.length}`)
    else if (above >= 0) {
      problems.push(`x[${above}] is ${list[above]}, of ${n[above]} requests`)
    }
  }
  return problems
}

function armOf({ n, x }: FileArm): Arm {
  return { n: n ?? Number.NaN, x: (Array.isArray(x) ? x : [x]).map((value) => value ?? Number.NaN) }
}

function perEdge(x: readonly number[] | readonly (readonly number[])[]): readonly number[][] {
  const lists = x.filter((value) => Array.isArray(value))
  if (lists.length > 0) return lists.map((list) => [...list])
  return [x.filter((value) => typeof value === 'number')]
}

function parseJson(text: string, name: string): unknown {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text
  try {
    return JSON.parse(plain)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const place = placeIn(plain, reason)
    const isNoNumber = /^(NaN|-?Infinity)/.test(plain.slice(Math.max(0, place?.offset ?? 0)))
    const remedy = isNoNumber ? ': write null for what is no number' : ''
    const where = place === null ? name : `${name}:${place.line}:${place.column}`
    throw new TickFileError(`${where}: is not JSON: ${reason.slice(0, 200)}${remedy}`, {
      cause: error,
    })
  }
}

/** Where the parser stopped: it says so, or shows the ten characters before and after. */
function placeIn(text: string, reason: string) {
  const said = /at position (\d+)/.exec(reason)
  const shown = /, (\.\.\.)?"([\s\S]*)"(\.\.\.)? is not valid JSON$/.exec(reason)
  const start = shown ? text.indexOf(shown[2] ?? '') : -1
  const character = /^Unexpected token '([\s\S]+?)'/.exec(reason)?.[1] ?? ''
  const before = shown?.[1] === undefined ? text.indexOf(character) : start + 10
  if (!said && start < 0) return null
  const offset = said ? Number(said[1]) : before
  const lines = text.slice(0, offset).split('\n')
  return { offset, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}

function problemText(name: string, problems: readonly string[]): string {
  const shown = problems.slice(0, shownProblems).map((problem) => `${name}: ${problem}`)
  const more = problems.length - shown.length
  return [...shown, ...(more > 0 ? [`${name}: and ${more} more`] : [])].join('\n')
}
