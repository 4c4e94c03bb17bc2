// What the node knows of a pod in, the status it reports out. Pure.
import type { Container } from './behaviour.ts'

/** Where a pod listens. */
export interface Address {
  readonly ip: string
  readonly port: number
}

export type PodState =
  | { readonly kind: 'running'; readonly address: Address; readonly isReady: boolean }
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }

/** Condition that names the port, for a pod that could not have the one of its template. */
export const portCondition = 'lab.sluice.dev/Port'

export interface PodReport {
  readonly containers: readonly Container[]
  readonly state: PodState
  /** Port of the template. */
  readonly port: number
  readonly startedAtMs: number
  readonly nowMs: number
}

export function renderPodStatus(report: PodReport) {
  const { state, containers } = report
  const isReady = state.kind === 'running' && state.isReady
  const address = state.kind === 'running' ? state.address : null
  const startTime = seconds(report.startedAtMs)
  const lastTransitionTime = seconds(report.nowMs)
  const condition = (type: string, isTrue: boolean) => ({
    type,
    status: isTrue ? 'True' : 'False',
    lastTransitionTime,
    ...(!isTrue && { reason: 'ContainersNotReady' }),
  })
  return {
    phase: 'Running',
    startTime,
    ...(address && { podIP: address.ip, podIPs: [{ ip: address.ip }] }),
    conditions: [
      { ...condition('PodScheduled', true), lastTransitionTime: startTime },
      { ...condition('Initialized', true), lastTransitionTime: startTime },
      condition('ContainersReady', isReady),
      condition('Ready', isReady),
      ...(address && address.port !== report.port
        ? [{ ...condition(portCondition, true), message: String(address.port) }]
        : []),
    ],
    containerStatuses: containers.map((container) => ({
      name: container.name,
      image: container.image,
      imageID: '',
      ready: isReady,
      started: isReady,
      // Nothing restarts here, and nothing says it did.
      restartCount: 0,
      state: containerState(state, startTime),
    })),
  }
}

function containerState(state: PodState, startedAt: string): Record<string, unknown> {
  return state.kind === 'running'
    ? { running: { startedAt } }
    : { waiting: { reason: state.reason, message: state.message } }
}

function seconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
