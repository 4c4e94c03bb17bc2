// Percent of traffic by revision: what the core decides, routers store and both compare.
import type { Hash } from './revision.ts'

type Weights = Readonly<Record<Hash, number>>

export function isEqual(a: Weights, b: Weights): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}
