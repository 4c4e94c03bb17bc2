// The environment of a container in, what its server does out: how it starts, how long it takes, how often
// it fails. Pure; chance is passed in.
import { z } from 'zod'
import { label } from '../../crds/names.ts'
import type { KubeObject } from '../../kube/api.ts'

export interface Behaviour {
  /** Share of requests answered with 500. */
  readonly errorPercent: number
  /** Time before an answer; each one varies by a fifth. */
  readonly latencyMs: number
  /** Share of requests that take `slowMs` instead. */
  readonly slowPercent: number
  readonly slowMs: number
  /** From the creation of the pod to its readiness. */
  readonly startupMs: number
  /** The container never starts. */
  readonly isCrashing: boolean
  /** Serves over TLS, with the key that all pods of the lab share. */
  readonly isEncrypted: boolean
}

export interface PodPlan {
  readonly behaviour: Behaviour
  readonly identity: Identity
  readonly containers: readonly Container[]
  /** Port of the first container. */
  readonly port: number
  /** How long the server outlives its pod object. */
  readonly graceMs: number
}

/** What each answer says of the pod that gave it. */
export interface Identity {
  readonly service: string
  readonly version: string
  readonly revision: string
  readonly pod: string
}

export interface Container {
  readonly name: string
  readonly image: string
}

const defaultPort = 8080
const defaultStartupMs = 150
const graceLimitMs = 5_000
const timeLimitMs = 60_000

const percent = z.coerce.number().min(0).max(100).default(0)
const duration = (fallbackMs: number) =>
  z.coerce.number().min(0).max(timeLimitMs).default(fallbackMs)

const flag = z.enum(['true', 'false']).default('false')

const Environment = z.object({
  ERROR_PERCENT: percent,
  LATENCY_MS: duration(0),
  SLOW_PERCENT: percent,
  SLOW_MS: duration(1_000),
  STARTUP_MS: duration(defaultStartupMs),
  CRASH: flag,
  TLS: flag,
})

const PodSpec = z.looseObject({
  terminationGracePeriodSeconds: z.number().min(0).nullish(),
  containers: z
    .array(
      z.looseObject({
        name: z.string(),
        image: z.string().default(''),
        env: z.array(z.looseObject({ name: z.string(), value: z.string().nullish() })).nullish(),
        ports: z.array(z.looseObject({ containerPort: z.int().min(1).max(65_535) })).nullish(),
      }),
    )
    .min(1),
})

/** Throws with a sentence when the pod has no container or its environment makes no sense. */
export function planPod(pod: KubeObject): PodPlan {
  const { metadata } = pod
  const spec = parse(PodSpec, pod['spec'], 'spec')
  const [first] = spec.containers
  const entries = (first?.env ?? []).flatMap(({ name, value }) =>
    value === undefined || value === null ? [] : [[name, value]],
  )
  const environment = parse(Environment, Object.fromEntries(entries), 'env')
  return {
    behaviour: {
      errorPercent: environment.ERROR_PERCENT,
      latencyMs: environment.LATENCY_MS,
      slowPercent: environment.SLOW_PERCENT,
      slowMs: environment.SLOW_MS,
      startupMs: environment.STARTUP_MS,
      isCrashing: environment.CRASH === 'true',
      isEncrypted: environment.TLS === 'true',
    },
    identity: {
      service: metadata.labels?.['app'] ?? first?.name ?? metadata.name,
      version: versionOf(first?.image ?? ''),
      revision: metadata.labels?.[label.revision] ?? '',
      pod: metadata.name,
    },
    containers: spec.containers.map(({ name, image }) => ({ name, image })),
    port: first?.ports?.[0]?.containerPort ?? defaultPort,
    graceMs: Math.min(graceLimitMs, (spec.terminationGracePeriodSeconds ?? 30) * 1000),
  }
}

export interface Turn {
  readonly code: 200 | 500
  readonly delayMs: number
}

/** How one request is answered. */
export function nextTurn(behaviour: Behaviour, random: () => number): Turn {
  const isFailing = random() * 100 < behaviour.errorPercent
  const isSlow = random() * 100 < behaviour.slowPercent
  const delayMs = isSlow ? behaviour.slowMs : behaviour.latencyMs * (0.8 + 0.4 * random())
  return { code: isFailing ? 500 : 200, delayMs }
}

function versionOf(image: string): string {
  const [name = ''] = image.split('@')
  const tag = name.lastIndexOf(':')
  return tag > name.lastIndexOf('/') ? name.slice(tag + 1) : 'latest'
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw new Error(`${what}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}
