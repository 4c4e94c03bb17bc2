// Stored routes in, what proxies do with them out. A stored weight and a weight in effect differ: each
// proxy learns a change at its own time, now and then an older one last.
import type { Change } from './api-server.ts'
import type { Choices } from './choices.ts'
import type { Kernel } from './kernel.ts'
import type { RouterPart } from './routers.ts'
import { type Aside, asideOf, subsetsOf, type Weights, weightsOf } from './routes.ts'
import { isRoute, isSubsets } from './routing.ts'

export interface Mesh {
  changed(change: Change): void
  /** Weights by proxy; null where a proxy knows no route, or one to all pods. */
  proxies(): readonly (Weights | null)[]
  /** What reaches revisions beside their weights, by proxy. */
  asides(): readonly (Aside | null)[]
  /** Whether any proxy sends requests to a revision: by weight or by a header. Copies are nobody's requests. */
  reaches(revision: string): boolean
  /** The greatest weight that any proxy gives a revision. */
  effective(revision: string): number
  /** Since when all proxies agree on the weights they have now. */
  since(): number
  /** When a revision last had weight at any proxy; Infinity while it has. */
  lastServed(revision: string): number
  stored(): Weights
  subsets(): ReadonlySet<string>
}

const proxyCount = 2
const usualMs = 300

interface Learned {
  readonly version: number
  readonly weights: Weights | null
  readonly aside: Aside | null
}

export interface MeshParts {
  readonly kernel: Kernel
  readonly choices: Choices
  readonly router: RouterPart
  /** A proxy needs at most so long to learn a route, ms. */
  readonly settleMs: number
  /** How long the mesh needs to take this version of a route, ms. */
  readonly takesMs: (change: Change) => number
  readonly onWeights: () => void
}

export function createMesh(parts: MeshParts): Mesh {
  const { kernel, choices, router, settleMs, onWeights } = parts
  const known: (Weights | null)[] = Array.from({ length: proxyCount }, () => null)
  const asides: (Aside | null)[] = known.map(() => null)
  const versions: number[] = known.map(() => 0)
  const served = new Map<string, number>()
  const subsets = new Map<string, readonly string[]>()
  let stored: Weights = {}
  let storedAside: Aside | null = null
  let since = kernel.now()

  const learn = (proxy: number, change: Learned) => {
    if ((versions[proxy] ?? 0) > change.version) return
    onWeights()
    versions[proxy] = change.version
    for (const [revision, weight] of Object.entries(known[proxy] ?? {})) {
      if (weight > 0) served.set(revision, kernel.now())
    }
    const before = asides[proxy]
    if (before?.isMatched) served.set(before.revision, kernel.now())
    known[proxy] = change.weights
    asides[proxy] = change.aside
    since = kernel.now()
  }

  const reaches = (revision: string) =>
    known.some((weights) => (weights?.[revision] ?? 0) > 0) ||
    asides.some((aside) => aside?.isMatched && aside.revision === revision)

  const changedRoute = (change: Change) => {
    const { type, object, version } = change
    const takesMs = type === 'DELETED' ? 0 : parts.takesMs(change)
    const found = type === 'DELETED' ? {} : weightsOf(object)
    const weights = Object.keys(found).length > 0 ? found : null
    const aside = type === 'DELETED' ? null : asideOf(object)
    const isSame =
      JSON.stringify(found) === JSON.stringify(stored) &&
      JSON.stringify(aside) === JSON.stringify(storedAside)
    stored = found
    storedAside = aside
    if (isSame) return
    const late = choices.at('X6')
    for (let proxy = 0; proxy < proxyCount; proxy += 1) {
      const ms = late ? late.between(proxy, 0, Math.max(0, settleMs - 50)) : usualMs
      kernel.after(takesMs + Math.min(ms, Math.max(0, settleMs - 50)), () =>
        learn(proxy, { version, weights, aside }),
      )
    }
  }

  return {
    changed(change) {
      if (isRoute(router, change)) changedRoute(change)
      if (isSubsets(router, change)) {
        onWeights()
        const { type, object } = change
        subsets.set(object.metadata.name, type === 'DELETED' ? [] : subsetsOf(object))
      }
    },
    proxies: () => known,
    asides: () => asides,
    reaches,
    effective: (revision) => Math.max(...known.map((weights) => weights?.[revision] ?? 0)),
    since: () => since,
    lastServed(revision) {
      return reaches(revision) ? Number.POSITIVE_INFINITY : (served.get(revision) ?? 0)
    },
    stored: () => stored,
    subsets: () => new Set([...subsets.values()].flat()),
  }
}
