// A parsed JSON value in, the fields of a tick file or what is wrong with its shape out. Written by hand,
// because the plugin reads these files and a schema library would be most of it.
import { mostCount } from './counts.ts'
import type { Metric } from './spec.ts'

/** Counts of an arm as the file has them; null stands for a sample that was no number. */
export interface FileArm {
  readonly n: number | null
  readonly x: number | null | readonly (number | null)[]
}

export interface PodCounts {
  readonly n: readonly number[]
  readonly x: readonly number[] | readonly (readonly number[])[]
}

export interface TickShape {
  readonly metric: Metric
  readonly scrapeSeconds: number
  readonly deadlineSeconds: number
  readonly canaryPods: number
  readonly edgesSeconds: readonly number[]
  readonly history: { readonly pods: readonly PodCounts[] }
  readonly ticks: readonly {
    /** Ms since epoch; null where the file says nothing. */
    readonly at: number | null
    readonly weight: number | null
    readonly restarts: number | null
    readonly canary: FileArm | null
    readonly stable: FileArm | null
  }[]
}

const most = { ticks: 50_000, pods: 500, scrapes: 20_000, edges: 64, problems: 20 }

const fields = {
  file: [
    'metric',
    'scrapeSeconds',
    'deadlineSeconds',
    'canaryPods',
    'edgesSeconds',
    'history',
    'ticks',
  ],
  history: ['pods'],
  pod: ['name', 'n', 'x'],
  tick: ['at', 'weight', 'restarts', 'canary', 'stable'],
  arm: ['n', 'x'],
}

/** Fields with their defaults, or up to twenty problems, each with its place. */
export function readTickShape(
  value: unknown,
): { readonly file: TickShape } | { readonly problems: readonly string[] } {
  const reader = createReader()
  const file = reader.object(value, '', fields.file)
  const metric = file['metric'] ?? 'errors'
  if (metric !== 'errors' && metric !== 'latency') {
    reader.report('metric', 'must be errors or latency')
  }
  const number = (name: string, fallback: number, bounds: Bounds) =>
    file[name] === undefined ? fallback : reader.number(file[name], name, bounds)
  const history = file['history'] === undefined ? {} : file['history']
  const past = reader.object(history, 'history', fields.history)
  const shape: TickShape = {
    metric: metric === 'latency' ? 'latency' : 'errors',
    scrapeSeconds: number('scrapeSeconds', 15, { least: 1, most: 3_600 }),
    deadlineSeconds: number('deadlineSeconds', 1_800, { least: 1, most: 604_800 }),
    canaryPods: number('canaryPods', 1, { least: 1, most: 10_000, isWhole: true }),
    edgesSeconds: reader
      .list(file['edgesSeconds'] ?? [], 'edgesSeconds', most.edges)
      .map((edge, i) => reader.number(edge, `edgesSeconds[${i}]`, { least: Number.MIN_VALUE })),
    history: {
      pods: reader
        .list(past['pods'] ?? [], 'history.pods', most.pods)
        .map((pod, i) => podOf(reader, pod, `history.pods[${i}]`)),
    },
    ticks: reader
      .list(file['ticks'], 'ticks', most.ticks)
      .map((tick, i) => tickOf(reader, tick, `ticks[${i}]`)),
  }
  return reader.problems.length > 0 ? { problems: reader.problems } : { file: shape }
}

type Reader = ReturnType<typeof createReader>

function podOf(reader: Reader, value: unknown, place: string): PodCounts {
  const pod = reader.object(value, place, fields.pod)
  const count = (one: unknown, at: string) => reader.number(one, at, { least: 0, most: mostCount })
  const x = reader.list(pod['x'], `${place}.x`, most.scrapes)
  return {
    n: reader
      .list(pod['n'], `${place}.n`, most.scrapes)
      .map((n, i) => count(n, `${place}.n[${i}]`)),
    x: x.some(Array.isArray)
      ? x.map((list, edge) =>
          reader
            .list(list, `${place}.x[${edge}]`, most.scrapes)
            .map((one, i) => count(one, `${place}.x[${edge}][${i}]`)),
        )
      : x.map((one, i) => count(one, `${place}.x[${i}]`)),
  }
}

function tickOf(reader: Reader, value: unknown, place: string): TickShape['ticks'][number] {
  const tick = reader.object(value, place, fields.tick)
  const whole = (name: string, bounds: Bounds) =>
    tick[name] === undefined
      ? null
      : reader.number(tick[name], `${place}.${name}`, { ...bounds, isWhole: true })
  const arm = (name: string) =>
    tick[name] === null ? null : armOf(reader, tick[name], `${place}.${name}`)
  return {
    at: tick['at'] === undefined ? null : timeOf(reader, tick['at'], `${place}.at`),
    weight: whole('weight', { least: 0, most: 100 }),
    restarts: whole('restarts', { least: 0 }),
    canary: arm('canary'),
    stable: arm('stable'),
  }
}

function armOf(reader: Reader, value: unknown, place: string): FileArm {
  const arm = reader.object(value, place, fields.arm)
  const count = (one: unknown, at: string): number | null => {
    if (one === null || typeof one === 'number') return one
    return reader.report(at, 'must be a number, or null for NaN')
  }
  const { x } = arm
  return {
    n: count(arm['n'], `${place}.n`),
    x: Array.isArray(x)
      ? reader.list(x, `${place}.x`, most.edges).map((one, i) => count(one, `${place}.x[${i}]`))
      : count(x, `${place}.x`),
  }
}

/** The end of the year 9999. */
const latestMs = 253_402_300_799_999
/** With a zone: a time without one is another time on each machine. */
const zonedTime = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/

function timeOf(reader: Reader, at: unknown, place: string): number {
  const [text, day] = (typeof at === 'string' && zonedTime.exec(at)) || []
  // The parser takes the 31st of February for a day in March.
  const isDay = day !== undefined && new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day)
  const parsed = text !== undefined && isDay ? Date.parse(text) : at
  if (typeof parsed === 'number' && parsed > 0 && parsed <= latestMs) return parsed
  reader.report(place, 'must be milliseconds since 1970 or a time such as 2026-01-31T12:00:00Z')
  return 0
}

interface Bounds {
  readonly least: number
  readonly most?: number
  readonly isWhole?: boolean
}

/** Reads on after a problem, so that a person sees more than one at a time. */
function createReader() {
  const problems: string[] = []
  const report = (place: string, message: string): null => {
    if (problems.length < most.problems) {
      problems.push(`${place === '' ? 'the file' : place}: ${message}`)
    }
    return null
  }
  return {
    problems,
    report,
    object(
      value: unknown,
      place: string,
      known: readonly string[],
    ): Readonly<Record<string, unknown>> {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        report(place, value === undefined ? 'is required' : 'must be an object')
        return {}
      }
      for (const name of Object.keys(value)) {
        if (known.includes(name)) continue
        const shown = name.slice(0, 80)
        report(place, `unknown field ${shown}: known fields are ${known.join(', ')}`)
      }
      return Object.fromEntries(Object.entries(value))
    },
    list(value: unknown, place: string, longest: number): readonly unknown[] {
      if (!Array.isArray(value)) {
        report(place, value === undefined ? 'is required' : 'must be a list')
        return []
      }
      if (value.length > longest) {
        report(place, `must have at most ${longest} items, found ${value.length}`)
        return []
      }
      return value
    },
    number(value: unknown, place: string, bounds: Bounds): number {
      const { least, most: greatest = Number.MAX_VALUE, isWhole = false } = bounds
      const isNumber = typeof value === 'number' && (!isWhole || Number.isInteger(value))
      if (isNumber && value >= least && value <= greatest) return value
      const noun = isWhole ? 'a whole number' : 'a number'
      const from = least === Number.MIN_VALUE ? 'above 0' : `of at least ${least}`
      const to = greatest === Number.MAX_VALUE ? '' : ` and at most ${greatest}`
      report(place, `must be ${noun} ${from}${to}`)
      return least
    },
  }
}
