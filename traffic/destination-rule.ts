// Revisions ⇄ subsets of a DestinationRule that Sluice owns; subsets of other people stay.
import { label } from '../crds/names.ts'
import type { Hash } from '../crds/revision.ts'
import type { KubeObject, Resource } from '../kube/api.ts'
import { blank, stamped } from './owned.ts'
import type { SubsetChange } from './router.ts'

export interface SubsetsOf {
  readonly resource: Resource
  readonly name: string
  readonly host: string
}

export function renderSubsets(
  current: KubeObject | null,
  change: SubsetChange,
  { resource, name, host }: SubsetsOf,
): KubeObject {
  const base = current ?? blank(resource, name, change.owner)
  const foreign = subsetsOf(base).filter((subset) => !isOurs(subset))
  const kept = new Map(subsetsOf(base).map((subset) => [subset.name, subset]))
  const ours = change.revisions.map(
    (revision) => kept.get(revision) ?? { name: revision, labels: { [label.revision]: revision } },
  )
  return {
    ...base,
    metadata: stamped(base, change.decision),
    spec: { ...base['spec'], host, subsets: [...foreign, ...ours] },
  }
}

export function readSubsets(current: KubeObject | null): readonly Hash[] {
  return subsetsOf(current)
    .filter(isOurs)
    .map((subset) => subset.name)
}

interface Subset {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
}

function subsetsOf(rule: KubeObject | null): readonly Subset[] {
  return rule?.['spec']?.subsets ?? []
}

function isOurs(subset: Subset): boolean {
  return subset.labels?.[label.revision] === subset.name
}
