// Routes of the Gateway API in, what their controller says of them out, some moments later: Linkerd without a
// generation, so that it says nothing new of other weights. On bad days it refuses a route first, or is late.
import type { KubeObject } from '../../kube/api.ts'
import type { ApiServer, Change } from './api-server.ts'
import type { Choices } from './choices.ts'
import type { Kernel } from './kernel.ts'
import type { RouterPart } from './routers.ts'
import { isRoute } from './routing.ts'

const name = 'mesh'
const delayMs = 400
const longestMs = 90_000

export interface Acceptor {
  changed(change: Change): void
  /** How long after it was stored this version of a route is taken, ms; until then the one before is in force. */
  takesMs(change: Change): number
}

export function createAcceptor(parts: {
  readonly kernel: Kernel
  readonly server: ApiServer
  readonly choices: Choices
  readonly router: RouterPart
}): Acceptor {
  const { kernel, server, choices, router } = parts
  const { acceptance, route } = router
  const known = new WeakMap<object, number>()

  /** Weights, headers and copies are in the spec: what only changes metadata is taken at once. */
  const takesMs = ({ object, previous }: Change): number => {
    const spec: object = object['spec']
    const before = known.get(spec)
    if (before !== undefined) return before
    const isNew = previous?.metadata.generation !== object.metadata.generation
    const strike = acceptance?.hasGeneration && isNew ? choices.at('X7') : null
    const ms = strike ? strike.between(0, 1_000, longestMs) : 0
    known.set(spec, ms)
    return ms
  }

  const speak = ({ metadata }: KubeObject, isTaken: boolean) => {
    const object = server.get(route, metadata)
    // Of a route that has changed since, its own turn speaks.
    if (!object || !acceptance || object.metadata.generation !== metadata.generation) return
    const generation = acceptance.hasGeneration ? { observedGeneration: metadata.generation } : {}
    const conditions = ['Accepted', 'ResolvedRefs'].map((type) => ({
      ...{ type, status: isTaken ? 'True' : 'False', reason: type, message: '' },
      ...generation,
    }))
    const [parentRef] = object['spec'].parentRefs
    const parents = [{ parentRef, controllerName: acceptance.controller, conditions }]
    const by = { name, isController: false, sentAt: kernel.now(), verb: 'status' }
    const next = { ...object, status: { parents } } as KubeObject
    server.replace(by, route, next, { subresource: 'status' })
  }

  return {
    takesMs,
    changed(change) {
      const { object, type, by } = change
      if (!acceptance || type === 'DELETED' || by.name === name || !isRoute(router, change)) return
      const ms = takesMs(change)
      // A mesh that needs time says nothing, or that it can not.
      const isRefused = ms > longestMs / 2
      if (ms === 0 || isRefused) kernel.after(delayMs, () => speak(object, !isRefused))
      if (ms > 0) kernel.after(ms, () => speak(object, true))
    },
  }
}
