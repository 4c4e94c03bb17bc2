// Releases that differ in configuration alone in, ConfigMaps and revisions out; and the rule that their pods run
// with what was asked for. The image never changes in such a world.
import { label } from '../../crds/names.ts'
import { contentDigest, revisionOf } from '../../crds/revision.ts'
import type { KubeObject } from '../../kube/api.ts'
import { configMaps, replicaSets } from '../../kube/resources.ts'
import type { ApiServer, Change } from './api-server.ts'
import { namespace, rolloutName, templateOf } from './scenario.ts'
import type { Rule } from './view.ts'

/** The ConfigMap of a release; it has the name of the Rollout. */
export function configMapOf(image: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: rolloutName, namespace },
    data: { RELEASE: image },
  }
}

/** What a Rollout says besides: which ConfigMap is part of it. */
export const configured = () => ({ config: [{ configMap: rolloutName }] })

/** All releases have the template of the first one. */
export function revisionWith(first: string, configMap: KubeObject): string {
  const digest = { kind: 'ConfigMap', name: rolloutName, digest: contentDigest(configMap) } as const
  return revisionOf(templateOf(first), [digest])
}

/** Copies that are not of this revision, or null. */
export function strayCopy(server: ApiServer, stable: string | null): string | null {
  const copies = server
    .list(configMaps)
    .filter(({ metadata }) => metadata.labels?.[label.revision] !== undefined)
  const stray = copies.find(({ metadata }) => metadata.labels?.[label.revision] !== stable)
  return stray ? `ConfigMap ${stray.metadata.name} is left` : null
}

export const configRules: readonly Rule<Change>[] = [
  {
    name: 'C9-copy',
    says: 'pods of a revision start only with a copy of the configuration it is made of',
    check({ server, scenario }, { object, type, resource, by }) {
      const isFleet = resource.plural === replicaSets.plural && type !== 'DELETED'
      if (!scenario.isConfigured || !isFleet || !by.isController) return null
      if (object['spec'].replicas === 0) return null
      const revision = object.metadata.labels?.[label.revision] ?? ''
      const copy = server.get(configMaps, { namespace, name: `${rolloutName}-${revision}` })
      if (copy?.['immutable'] !== true) return `${object.metadata.name} has no copy`
      const first = scenario.releases[0]?.image ?? ''
      const made = revisionWith(first, copy)
      return made === revision ? null : `${object.metadata.name} runs with that of ${made}`
    },
  },
]
