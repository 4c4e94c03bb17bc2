// A trial that begins in; routes of other people that outrank or disturb its route out, each told once. A mesh
// says nothing of them: traffic simply does not follow the weights.
import { routeKinds } from '../../traffic/gateway-route.ts'
import { shadowsOf } from '../../traffic/shadows.ts'
import type { Observed } from '../observe/observe.ts'
import type { Hands } from './hands.ts'

/** Routes of one namespace that are looked at, at most. */
const limit = 500
const told = 5

/** Sentences for people. Only the namespace of the Rollout is looked at: its rights reach no further. */
export async function shadowsNear(
  { api }: Pick<Hands, 'api'>,
  { owner, rollout, routing }: Pick<Observed, 'owner' | 'rollout' | 'routing'>,
): Promise<readonly string[]> {
  const { spec } = rollout
  const kinds = spec.traffic.linkerd ? Object.values(routeKinds) : [routing.router.route]
  if (!spec.traffic.istio && !spec.traffic.linkerd) return []
  const { namespace } = owner
  const lists = await Promise.all(kinds.map((kind) => api.list(kind, { namespace, limit })))
  const others = lists.flatMap(({ items }, i) =>
    // Items of a list do not say what they are.
    items.map((item) => ({ ...item, kind: kinds[i]?.kind ?? item.kind })),
  )
  return shadowsOf({ owner, spec }, others).slice(0, told)
}
