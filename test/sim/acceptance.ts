// Routes of the Gateway API in, what their controller says of them out, some moments later: Linkerd without a
// generation, so that it says nothing new of other weights.
import type { KubeObject } from '../../kube/api.ts'
import type { ApiServer, Change } from './api-server.ts'
import type { Kernel } from './kernel.ts'
import type { RouterPart } from './routers.ts'
import { isRoute } from './routing.ts'

const name = 'mesh'
const delayMs = 400

export function createAcceptor(parts: {
  readonly kernel: Kernel
  readonly server: ApiServer
  readonly router: RouterPart
}): (change: Change) => void {
  const { kernel, server, router } = parts
  const { acceptance, route } = router
  const speak = (key: KubeObject['metadata']) => {
    const object = server.get(route, key)
    if (!object || !acceptance) return
    const generation = acceptance.hasGeneration
      ? { observedGeneration: object.metadata.generation }
      : {}
    const conditions = ['Accepted', 'ResolvedRefs'].map((type) => ({
      ...{ type, status: 'True', reason: type, message: '' },
      ...generation,
    }))
    const [parentRef] = object['spec'].parentRefs
    const parents = [{ parentRef, controllerName: acceptance.controller, conditions }]
    const by = { name, isController: false, sentAt: kernel.now(), verb: 'status' }
    const next = { ...object, status: { parents } } as KubeObject
    server.replace(by, route, next, { subresource: 'status' })
  }
  return (change) => {
    if (!acceptance || change.type === 'DELETED' || change.by.name === name) return
    if (isRoute(router, change)) kernel.after(delayMs, () => speak(change.object.metadata))
  }
}
