// A change of the cluster in, its mark in the trace and a line for people out.
import { destinationRules, replicaSets, rollouts, virtualServices } from '../../kube/resources.ts'
import type { Change } from './api-server.ts'
import type { Trace } from './trace.ts'

export function tell(trace: Trace, change: Change): void {
  const { resource, type, object, by, version } = change
  trace.mark(
    `${version}${resource.plural}${object.metadata.name}${type}${by.name}${object['status']?.phase ?? ''}`,
  )
  trace.note(
    () => `${by.name} ${by.verb} ${resource.kind} ${object.metadata.name}: ${gist(change)}`,
  )
}

function gist({ resource, type, object }: Change): string {
  if (type === 'DELETED') return 'gone'
  const { spec, status } = { spec: object['spec'], status: object['status'] }
  if (resource.plural === rollouts.plural) {
    const { phase, step, decision, because, blockedBy } = status ?? {}
    return `${phase} ${step ?? ''} decision ${decision} ${because ?? ''}${blockedBy ? ` [${blockedBy.reason}]` : ''}`
  }
  if (resource.plural === replicaSets.plural)
    return `${status?.readyReplicas ?? 0} of ${spec.replicas}`
  if (resource.plural === virtualServices.plural) {
    const rule = spec.http?.find((one: { name: string }) => one.name === 'sluice')
    return (rule?.route ?? [])
      .map(
        (one: { destination: { subset: string }; weight: number }) =>
          `${one.destination.subset} ${one.weight}`,
      )
      .join(', ')
  }
  if (resource.plural === destinationRules.plural)
    return (spec.subsets ?? []).map((one: { name: string }) => one.name).join(', ')
  return ''
}
