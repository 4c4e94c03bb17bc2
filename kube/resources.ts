// The kinds Sluice reads or writes, as the API server names them.
import type { Resource } from './api.ts'

const sluice = 'sluice.dev/v1alpha1'

export const rollouts: Resource = of(sluice, 'Rollout', 'rollouts')
export const analysisTemplates: Resource = of(sluice, 'AnalysisTemplate', 'analysistemplates')
export const clusterAnalysisTemplates: Resource = {
  ...of(sluice, 'ClusterAnalysisTemplate', 'clusteranalysistemplates'),
  namespaced: false,
}
export const gitSources: Resource = of(sluice, 'GitSource', 'gitsources')
export const notifications: Resource = of(sluice, 'Notification', 'notifications')
export const replicaSets: Resource = of('apps/v1', 'ReplicaSet', 'replicasets')
export const pods: Resource = of('v1', 'Pod', 'pods')
export const services: Resource = of('v1', 'Service', 'services')
export const secrets: Resource = of('v1', 'Secret', 'secrets')
export const configMaps: Resource = of('v1', 'ConfigMap', 'configmaps')
export const jobs: Resource = of('batch/v1', 'Job', 'jobs')
export const deployments: Resource = of('apps/v1', 'Deployment', 'deployments')
export const events: Resource = of('events.k8s.io/v1', 'Event', 'events')
export const leases: Resource = of('coordination.k8s.io/v1', 'Lease', 'leases')
export const virtualServices: Resource = of(
  'networking.istio.io/v1',
  'VirtualService',
  'virtualservices',
)
export const destinationRules: Resource = of(
  'networking.istio.io/v1',
  'DestinationRule',
  'destinationrules',
)

function of(apiVersion: string, kind: string, plural: string): Resource {
  return { apiVersion, kind, plural, namespaced: true }
}
