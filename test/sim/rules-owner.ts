// Who may write what: a leader as long as it leads, a Rollout only what is its own.
import type { DeleteOptions } from '../../kube/api.ts'
import { leases } from '../../kube/resources.ts'
import type { Change } from './api-server.ts'
import type { Requested } from './client.ts'
import { isRoute, isSubsets, routerOf } from './routing.ts'
import { type Rule, rolloutAt, rolloutOf, staleMs, type View } from './view.ts'

export const ownerRules: readonly Rule<Change>[] = [
  {
    name: 'A7-mesh',
    says: 'no route and no subsets of another owner are written',
    check(view, { object, previous, resource }) {
      const router = routerOf(view.scenario)
      const told = { object, resource }
      const isMesh = isSubsets(router, told) || (!router.isInPlace && isRoute(router, told))
      const uid = previous?.metadata.ownerReferences?.[0]?.uid
      if (!isMesh || uid === undefined) return null
      const known = [rolloutOf(view), rolloutAt(view, view.kernel.now() - staleMs(view))]
      const ours = known.map((rollout) => rollout?.metadata.uid).filter((one) => one !== undefined)
      return ours.length === 0 || ours.includes(uid)
        ? null
        : `${object.metadata.name} belongs to ${uid}`
    },
  },
]

function holderAt({ server }: View, at: number): string | null {
  const last = server.log(leases).findLast((change) => change.at <= at)
  return last?.object['spec'].holderIdentity ?? null
}

export const requestRules: readonly Rule<Requested>[] = [
  {
    name: 'A2-lease',
    says: 'nothing is sent by a process after another one took the lease',
    check(view, { process, call, sentAt }) {
      const isOther = ['get', 'list'].includes(call.verb) || call.resource.plural === leases.plural
      if (isOther || !view.scenario.isPair) return null
      const holder = holderAt(view, sentAt)
      return holder === null || holder === '' || holder === process.name
        ? null
        : `${process.name} sent ${call.verb} ${call.key.name}, and ${holder} leads`
    },
  },
  {
    name: 'A1-delete',
    says: 'each delete names the very object that it was decided on',
    check(_, { call }) {
      if (call.verb !== 'delete') return null
      const options = call.body as DeleteOptions | undefined
      const isExact = options?.uid !== undefined && options.resourceVersion !== undefined
      return isExact ? null : `${call.resource.kind} ${call.key.name}: ${JSON.stringify(options)}`
    },
  },
]
