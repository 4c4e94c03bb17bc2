// A scenario as people write it in, the Rollout, its releases and timed lines out. The language is a list of
// sentences; a line that none of them matches is an error with its number.
import { durationMs } from '../../crds/duration.ts'
import { revisionOf } from '../../crds/revision.ts'
import type { Quality, Release, Scenario, Shape } from '../sim/scenario.ts'
import { configuredRevision, templateOf } from '../sim/scenario.ts'

export interface Script {
  /** The first comment line. */
  readonly title: string
  readonly scenario: Scenario
  readonly lines: readonly Timed[]
  readonly endMs: number
}

/** Something that happens, or that must hold, at a time after the start. */
export interface Timed {
  readonly atMs: number
  readonly kind: 'deed' | 'expect'
  readonly text: string
}

interface Draft {
  readonly spec: Record<string, unknown>
  readonly analysis: Record<string, unknown>
  readonly qualities: Map<number, Partial<Quality>>
  readonly lines: Timed[]
  isGit: boolean
  isConfigured: boolean
  isPair: boolean
  replicas: number
  requestsPerSecond: number
  endMs: number
}

const releaseCount = 7
const good: Quality = { errorRate: 0, slowRate: 0, startMs: 3_000, neverReady: false }
const scrapeMs = 15_000

export function parseScenario(text: string): Script {
  const rows = text.split('\n').map((row) => row.trim())
  const title = rows[0] ?? ''
  if (!title.startsWith('# '))
    throw new Error('line 1: begin with "# " and what the scenario is about')
  const draft: Draft = {
    spec: {
      canary: {
        steps: [
          { weight: 20, hold: '30s' },
          { weight: 50, hold: '30s' },
        ],
      },
    },
    analysis: {},
    qualities: new Map(),
    lines: [],
    isGit: true,
    isConfigured: false,
    isPair: false,
    replicas: 4,
    requestsPerSecond: 100,
    endMs: 0,
  }
  for (const [index, row] of rows.entries()) {
    if (row === '' || row.startsWith('#')) continue
    if (!read(draft, row))
      throw new Error(`line ${index + 1}: "${row}" is no sentence of this language`)
  }
  if (draft.endMs === 0) throw new Error('say when it ends: end 20m')
  return {
    title: title.slice(2),
    scenario: scenarioOf(draft),
    lines: inOrder(draft),
    endMs: draft.endMs,
  }
}

const inOrder = ({ lines, endMs }: Draft): Timed[] =>
  lines
    .map((line) => (line.atMs < 0 ? { ...line, atMs: endMs } : line))
    .sort((a, b) => a.atMs - b.atMs)

type Sentence = readonly [RegExp, (draft: Draft, words: string[]) => void]

const sentences: readonly Sentence[] = [
  [
    /^rollout of (\d+) pods, (from Git|by hand|by configuration)$/,
    (draft, [count, place]) => {
      draft.replicas = Number(count)
      draft.isGit = place === 'from Git'
      draft.isConfigured = place === 'by configuration'
    },
  ],
  [
    /^steps (.+)$/,
    (draft, [list = '']) => {
      draft.spec['canary'] = { steps: list.split(',').map(stepOf) }
    },
  ],
  [
    /^blue-green(?: hold (\w+))?( approval)?$/,
    (draft, [hold = '20s', approval]) => {
      delete draft.spec['canary']
      draft.spec['blueGreen'] = { hold, approval: approval !== undefined }
    },
  ],
  [
    /^deadline (\w+)$/,
    (draft, [time]) => {
      draft.spec['progressDeadline'] = time
    },
  ],
  [
    /^on (inconclusive|error) (pause|abort)$/,
    (draft, [what, policy]) => {
      draft.analysis[what === 'error' ? 'onError' : 'onInconclusive'] = policy
    },
  ],
  [
    /^revert (off|direct)$/,
    (draft, [mode]) => {
      draft.spec['revert'] = { mode }
    },
  ],
  [
    /^two controllers$/,
    (draft) => {
      draft.isPair = true
    },
  ],
  [
    /^(\d+) requests per second$/,
    (draft, [count]) => {
      draft.requestsPerSecond = Number(count)
    },
  ],
  [
    /^v(\d) fails (\d+) %$/,
    (draft, [n, percent]) => grade(draft, n, { errorRate: Number(percent) / 100 }),
  ],
  [
    /^v(\d) is slow for (\d+) %$/,
    (draft, [n, percent]) => grade(draft, n, { slowRate: Number(percent) / 100 }),
  ],
  [/^v(\d) is never ready$/, (draft, [n]) => grade(draft, n, { neverReady: true })],
  [
    /^v(\d) starts in (\w+)$/,
    (draft, [n, time = '']) => grade(draft, n, { startMs: durationMs(time) }),
  ],
  [
    /^at (\w+) expect (.+)$/,
    (draft, [time = '', text = '']) => {
      draft.lines.push({ atMs: durationMs(time), kind: 'expect', text })
    },
  ],
  [
    /^at (\w+) (.+)$/,
    (draft, [time = '', text = '']) => {
      draft.lines.push({ atMs: durationMs(time), kind: 'deed', text })
    },
  ],
  [
    /^expect (.+)$/,
    (draft, [text = '']) => {
      draft.lines.push({ atMs: -1, kind: 'expect', text })
    },
  ],
  [
    /^end (\w+)$/,
    (draft, [time = '']) => {
      draft.endMs = durationMs(time)
    },
  ],
]

function read(draft: Draft, row: string): boolean {
  for (const [pattern, meaning] of sentences) {
    const match = pattern.exec(row)
    if (!match) continue
    meaning(draft, match.slice(1))
    return true
  }
  return false
}

function grade({ qualities }: Draft, version: string | undefined, quality: Partial<Quality>): void {
  const key = Number(version)
  qualities.set(key, { ...qualities.get(key), ...quality })
}

/** Such as `20 % hold 1m approval`. */
function stepOf(text: string): { weight: number; hold?: string; approval?: true } {
  const match = /^(\d+) %(?: hold (\w+))?( approval)?$/.exec(text.trim())
  if (!match) throw new Error(`"${text.trim()}" is no step: write "20 % hold 1m approval"`)
  const [, weight, hold, approval] = match
  return {
    weight: Number(weight),
    ...(hold ? { hold } : {}),
    ...(approval ? { approval: true } : {}),
  }
}

const timing = { settleMs: 2_000, drainMs: 10_000, deadlineMs: 300_000 }

function scenarioOf(draft: Draft): Scenario {
  const { replicas, isGit, isConfigured, isPair, requestsPerSecond } = draft
  const checks = [
    { name: 'errors', successRate: { min: 99 } },
    { name: 'latency', latency: { quantile: 0.95, max: '250ms' } },
  ]
  const spec = {
    replicas,
    selector: { matchLabels: { app: 'checkout' } },
    progressDeadline: '5m',
    traffic: { istio: { host: 'checkout' }, settle: '2s', drain: '10s' },
    revert: { mode: 'direct' },
    ...draft.spec,
    analysis: {
      checks,
      minRequests: 20,
      onInconclusive: 'pause',
      onError: 'pause',
      ...draft.analysis,
    },
  }
  const shape: Shape = { id: shapeId(spec), replicas, ...timing, spec }
  const releases = Array.from({ length: releaseCount }, (_, index): Release => {
    const image = `checkout:v${index + 1}`
    const quality = { ...good, ...draft.qualities.get(index + 1) }
    const revision = isConfigured ? configuredRevision(image) : revisionOf(templateOf(image))
    return { image, revision, quality }
  })
  const times = { scrapeMs, faultMs: draft.endMs, releaseAtMs: 0 }
  const base = {
    seed: 1,
    isGit,
    isConfigured,
    isNotified: false,
    isAdopted: false,
    isPair,
    requestsPerSecond,
  }
  return { ...base, shape, releases, ...times }
}

/** Texts of files are kept by the id of the shape, so that it must tell shapes apart. */
const shapeId = (spec: unknown): number =>
  1_000 + Number.parseInt(revisionOf({ spec, metadata: {} }).slice(0, 8), 16)
