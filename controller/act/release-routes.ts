// Routes that lead to revisions in, none out: those of users as they were, and those of ours away, so that a
// Service's own pods get its requests again.
import type { Observed } from '../observe/observe.ts'
import { assertMayWrite, type Hands, read } from './hands.ts'
import { restoreRoutes } from './let-go.ts'

export async function releaseRoutes(hands: Hands, observed: Observed): Promise<void> {
  const { owner, rollout, routing } = observed
  const { router } = routing
  const at = { owner, spec: rollout.spec }
  if (router.ownership === 'in-place') {
    await restoreRoutes(hands, at)
    return
  }
  for (const name of router.routeNames(at)) {
    const current = await read(hands, observed, router.route, name)
    if (!current) continue
    const { uid, resourceVersion } = current.metadata
    const key = { namespace: owner.namespace, name }
    assertMayWrite(hands)
    await hands.api.delete(router.route, key, { uid, resourceVersion, propagation: 'Background' })
  }
}
