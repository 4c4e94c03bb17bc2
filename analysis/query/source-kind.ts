// Which provider other than Prometheus a check asks; each is a field of a check.
import type { Check } from '../../crds/check.ts'

const sourceKinds = ['datadog', 'cloudWatch', 'webhook', 'job'] as const
export type SourceKind = (typeof sourceKinds)[number]

export function sourceOf(check: Check): SourceKind | null {
  return sourceKinds.find((kind) => check[kind] !== undefined) ?? null
}
