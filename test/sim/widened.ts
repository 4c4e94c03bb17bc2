// A seed and a shape in, the shape with more of what the API allows out: steps with headers and copies, previews,
// fleets that shrink as traffic leaves, and every way to restore Git. Drawn of its own stream, so that all else of
// a seed stays as it was.
import { type Stream, streamOf } from './random.ts'
import { previewName, type RouterKind } from './routers.ts'

type Spec = Readonly<Record<string, unknown>>
type Step = Readonly<Record<string, unknown>>

interface Widening {
  readonly isFor: (router: RouterKind) => boolean
  readonly canary: (canary: { readonly steps: readonly Step[] }) => unknown
}

const isMesh = (router: RouterKind) => router !== 'service'
const match = { headers: { 'x-tester': { exact: 'yes' } } }

const onFirst =
  (more: Step) =>
  ({ steps: [first, ...others] }: { readonly steps: readonly Step[] }) => ({
    steps: [{ ...first, ...more }, ...others],
  })

/** Percent of requests that carry the header that steps may match. */
export const matchedPercent = 2

const canaries: readonly Widening[] = [
  { isFor: isMesh, canary: (canary) => ({ ...canary, dynamicStableScale: true }) },
  { isFor: isMesh, canary: onFirst({ scale: 60 }) },
  { isFor: isMesh, canary: onFirst({ match }) },
  { isFor: (router) => isMesh(router) && router !== 'linkerd', canary: onFirst({ mirror: 10 }) },
  {
    isFor: isMesh,
    canary: ({ steps }) => ({
      dynamicStableScale: true,
      steps: [{ weight: 0, hold: '10s', match }, ...steps],
    }),
  },
]

const blueGreens: readonly Spec[] = [
  { keep: '60s' },
  { preview: { service: previewName } },
  { keep: '90s', preview: { service: previewName } },
]

const reverts: readonly Spec[] = [
  { mode: 'pull-request' },
  { mode: 'pull-request' },
  { mode: 'direct-then-pr' },
  { mode: 'suggest' },
  { mode: 'direct', delay: '30s' },
]

/** What a seed adds; `variant` is a number of its own for each addition, so that parsed forms can be kept. */
export function widened(
  seed: number,
  spec: Spec,
  router: RouterKind,
): { spec: Spec; variant: number } {
  const stream = streamOf(seed, 11)
  const strategy = stream.chance(0.4) ? strategyOf(stream, spec, router) : unchanged
  const isReverted = (spec['revert'] as { mode: string }).mode === 'direct'
  const git = stream.chance(0.5) && isReverted ? stream.whole(0, reverts.length - 1) : null
  const revert = git === null ? {} : { revert: { ...reverts[git] } }
  return {
    spec: { ...spec, ...strategy.spec, ...revert },
    variant: strategy.variant + 10 * (git === null ? 0 : git + 1),
  }
}

const unchanged = { spec: {}, variant: 0 }

function strategyOf(
  stream: Stream,
  spec: Spec,
  router: RouterKind,
): { spec: Spec; variant: number } {
  if (spec['blueGreen'] !== undefined) {
    // A preview has the ports of the Service of traffic, which not every world has.
    const known = blueGreens.filter(({ preview }) => preview === undefined || router !== 'istio')
    const chosen = stream.pick(known)
    const blueGreen = { ...(spec['blueGreen'] as Spec), ...chosen }
    return { spec: { blueGreen }, variant: 1 + blueGreens.indexOf(chosen) }
  }
  const known = canaries.filter(({ isFor }) => isFor(router))
  if (known.length === 0) return unchanged
  const chosen = stream.pick(known)
  const canary = chosen.canary(spec['canary'] as { steps: Step[] })
  return { spec: { canary }, variant: 1 + canaries.indexOf(chosen) }
}
