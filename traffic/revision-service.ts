// A Service per revision, for meshes that can not tell pods of one Service apart. It copies the ports of
// the Service whose traffic is split, and selects the pods of its revision alone.
import { label } from '../crds/names.ts'
import type { Hash } from '../crds/revision.ts'
import type { KubeObject } from '../kube/api.ts'
import { services } from '../kube/resources.ts'
import { blank, stamped } from './owned.ts'
import { type At, hostOf, Refused, type SubsetChange } from './router.ts'

const pattern = /^[0-9a-f]{10}$/

export function serviceNameOf({ spec }: Pick<At, 'spec'>, revision: Hash): string {
  return `${hostOf(spec)}-${revision}`
}

/** The revision of a Service by its name; null for a Service of other people. */
export function revisionOfService({ spec }: Pick<At, 'spec'>, name: string): Hash | null {
  const prefix = `${hostOf(spec)}-`
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return pattern.test(rest) ? rest : null
}

export function renderRevisionService(
  current: KubeObject | null,
  change: SubsetChange,
): KubeObject {
  const { owner, spec, revisions, decision, apex } = change
  const [revision, ...others] = revisions
  if (revision === undefined || others.length > 0) {
    throw new Error('a Service tells exactly one revision apart')
  }
  const base = current ?? blank(services, serviceNameOf(change, revision), owner)
  if (apex?.['spec']?.clusterIP === 'None') {
    throw new Refused(`Service ${hostOf(spec)} is headless: meshes do not split its traffic`)
  }
  const labels = { ...base.metadata.labels, [label.revision]: revision }
  const metadata = { ...stamped(base, decision), labels }
  return { ...base, metadata, spec: selecting(base, change, revision) }
}

/** A Service that leads to one revision now and to another later; its label says so of none. */
export function renderPreviewService(
  current: KubeObject | null,
  change: Omit<SubsetChange, 'revisions'> & { readonly name: string; readonly revision: Hash },
): KubeObject {
  const base = current ?? blank(services, change.name, change.owner)
  const metadata = stamped(base, change.decision)
  return { ...base, metadata, spec: selecting(base, change, change.revision) }
}

function selecting(
  base: KubeObject,
  { spec, apex }: Pick<SubsetChange, 'spec' | 'apex'>,
  revision: Hash,
): KubeObject['spec'] {
  if (!apex) throw new Refused(`Service ${hostOf(spec)} does not exist: its ports are copied`)
  const selector = { ...spec.selector.matchLabels, [label.revision]: revision }
  return { ...base['spec'], selector, ports: portsOf(apex, base) }
}

export function readRevisionService(current: KubeObject | null): readonly Hash[] {
  const revision = current?.metadata.labels?.[label.revision]
  const selected = current?.['spec']?.selector?.[label.revision]
  return revision !== undefined && revision === selected ? [revision] : []
}

/** Ports of the apex, without what the API server assigns to each Service by itself. */
function portsOf(apex: KubeObject, base: KubeObject): KubeObject['spec'][] {
  const ports: KubeObject['spec'][] = apex['spec']?.ports ?? []
  const assigned: KubeObject['spec'][] = base['spec']?.ports ?? []
  return ports.map(({ nodePort: _, ...port }) => {
    const { nodePort } = assigned.find((other) => other.port === port.port) ?? {}
    return nodePort === undefined ? port : { ...port, nodePort }
  })
}
