// Mesh objects in, weights and subsets out. Read here once more, apart from the product's own codec, so that a
// mistake there is seen.
import { label } from '../../crds/names.ts'
import type { KubeObject } from '../../kube/api.ts'

export type Weights = Readonly<Record<string, number>>

/** Name of the one rule that is Sluice's. */
export const ruleName = 'sluice'

interface Rule {
  readonly name?: string
  readonly route?: readonly { destination?: { subset?: string }; weight?: number }[]
}

export const rulesOf = (route: KubeObject | null): readonly Rule[] => route?.['spec']?.http ?? []

export function weightsOf(route: KubeObject | null): Weights {
  const routes = rulesOf(route).find(({ name }) => name === ruleName)?.route ?? []
  const isLone = routes.length === 1
  return Object.fromEntries(
    routes.map(({ destination, weight }) => [
      destination?.subset ?? '',
      isLone ? 100 : (weight ?? 0),
    ]),
  )
}

interface Subset {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
}

export const isOurs = ({ name, labels }: Subset): boolean => labels?.[label.revision] === name

export function subsetsOf(subsets: KubeObject | null): string[] {
  const all: Subset[] = subsets?.['spec']?.subsets ?? []
  return all.filter(isOurs).map(({ name }) => name)
}
