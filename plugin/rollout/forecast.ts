// A valid Rollout in, what Sluice will do with a new revision of it out: steps in time, objects, deadlines. Pure.
import { podsFor } from '../../controller/rollout/steps.ts'
import { durationMs } from '../../crds/duration.ts'
import { revisionOf } from '../../crds/revision.ts'
import { type Json, list, number, record, text } from '../json.ts'
import { readSteps } from './strategy.ts'

export interface ForecastStep {
  /** From 1. */
  readonly step: number
  /** Percent of traffic for the new revision. */
  readonly weight: number
  readonly pods: number
  /** When it begins at the earliest, from the first one. */
  readonly fromMs: number
  /** From stored weights to proxies that use them. */
  readonly settleMs: number
  readonly holdMs: number
  readonly approval: boolean
  readonly isChecked: boolean
}

export interface Forecast {
  readonly revision: string
  readonly replicas: number
  readonly steps: readonly ForecastStep[]
  /** Earliest promotion: pods that start at once, and checks that pass at once. */
  readonly shortestMs: number
  /** Longest time at one step, without the time that people take. */
  readonly deadlineMs: number
  readonly longestMs: number
  readonly approvals: readonly number[]
  readonly checks: readonly string[]
  /** Kind, name and what becomes of it. */
  readonly objects: readonly {
    readonly kind: string
    readonly name: string
    readonly what: string
  }[]
}

export function forecast(name: string, object: Json): Forecast {
  const spec = record(object['spec'])
  const isAlone = spec['config'] === undefined && spec['workloadRef'] === undefined
  const revision = isAlone ? revisionOf(spec['template']) : 'REVISION'
  const replicas = number(spec['replicas']) ?? 1
  const steps = timeLine(spec, replicas)
  const last = steps.at(-1)
  const deadlineMs = ms(spec['progressDeadline'])
  const analysis = record(spec['analysis'])
  const template = text(record(analysis['templateRef'])['name'])
  const checks = list(analysis['checks']).flatMap((check) => text(record(check)['name']) ?? [])
  return {
    revision,
    replicas,
    steps,
    shortestMs: last ? last.fromMs + last.settleMs + last.holdMs : 0,
    deadlineMs,
    longestMs: deadlineMs * steps.length,
    approvals: steps.filter(({ approval }) => approval).map(({ step }) => step),
    checks: [...checks, ...(template === undefined ? [] : [`those of ${template}`])],
    objects: objectsOf({ name, spec, revision, replicas, steps }),
  }
}

function timeLine(spec: Json, replicas: number): ForecastStep[] {
  const settleMs = ms(record(spec['traffic'])['settle'])
  const readyMs = (number(spec['minReadySeconds']) ?? 0) * 1_000
  const line: ForecastStep[] = []
  for (const [i, { weight, fleetPercent, holdMs, approval, isChecked }] of readSteps(
    spec,
  ).entries()) {
    const before = line.at(-1)
    const pods = podsFor(Math.max(1, fleetPercent), replicas)
    // New pods must be ready for a while before they count, and weights that stay need not settle.
    const growMs = pods > (before?.pods ?? 0) ? readyMs : 0
    const shiftMs = weight === (before?.weight ?? 0) ? 0 : settleMs
    line.push({
      step: i + 1,
      weight,
      pods,
      fromMs: before ? before.fromMs + before.settleMs + before.holdMs : 0,
      settleMs: growMs + shiftMs,
      holdMs,
      approval,
      isChecked,
    })
  }
  return line
}

interface Making {
  readonly name: string
  readonly spec: Json
  readonly revision: string
  readonly replicas: number
  readonly steps: readonly ForecastStep[]
}

function objectsOf({ name, spec, revision, replicas, steps }: Making): Forecast['objects'] {
  const pods = [...steps.map((step) => step.pods), replicas]
  const weights = steps.map(({ weight }) => `${100 - weight}/${weight}`)
  const split = `weights ${[...new Set([...weights, '0/100'])].join(', ')}`
  const fleet = {
    kind: 'ReplicaSet',
    name: `${name}-${revision}`,
    what: `pods ${[...new Set(pods)].join(', ')}`,
  }
  return [fleet, ...trafficObjects(name, spec, { revision, split })]
}

function trafficObjects(
  name: string,
  spec: Json,
  { revision, split }: { readonly revision: string; readonly split: string },
): Forecast['objects'] {
  const { istio, linkerd, gatewayApi, service } = record(spec['traffic'])
  if (istio !== undefined) {
    const { virtualService, virtualServices } = record(istio)
    const own = text(virtualService) ?? name
    const edited = names(virtualServices)
    const splits = (one: string) => ({ kind: 'VirtualService', name: one, what: split })
    return [
      { kind: 'DestinationRule', name: own, what: `subset ${revision}` },
      ...(edited.length > 0 ? edited : [own]).map(splits),
    ]
  }
  const mesh = record(linkerd ?? gatewayApi ?? service)
  const host = text(mesh['host']) ?? name
  const perRevision = { kind: 'Service', name: `${host}-${revision}`, what: `pods of ${revision}` }
  if (service !== undefined) {
    return [{ kind: 'Service', name: host, what: 'selector, or the share of pods' }]
  }
  const kind = text(mesh['kind']) ?? 'HTTPRoute'
  const routes = names(mesh['routes'])
  const route = text(mesh['route']) ?? name
  return [
    perRevision,
    ...(routes.length > 0 ? routes : [route]).map((one) => ({ kind, name: one, what: split })),
  ]
}

function names(value: unknown): string[] {
  return list(value).flatMap((item) => text(record(item)['name']) ?? [])
}

function ms(value: unknown): number {
  return durationMs(text(value) ?? '0s')
}
