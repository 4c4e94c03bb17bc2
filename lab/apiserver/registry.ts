// The kinds that are served now: the built-in ones, and those of the stored CustomResourceDefinitions.
import type { KubeObject } from '../../kube/api.ts'
import { establishedStatus, readDefinition } from './crd.ts'
import { isObject } from './json.ts'
import { apiVersionOf, builtinKinds, crdStorage, type Kind } from './kinds.ts'
import type { Store, StoreEvent } from './store.ts'

export interface Registry {
  find(group: string, version: string, plural: string): Kind | undefined
  /** Any version of the kind kept in this collection. */
  ofStorage(storage: string): Kind | undefined
  all(): readonly Kind[]
  /** Grows with each change of the kinds that are served. */
  generation(): number
}

export function createRegistry(store: Store, clock: () => number): Registry {
  const kinds = new Map<string, Kind>()
  let generation = 0
  const keyOf = (kind: Kind) => `${apiVersionOf(kind)}/${kind.plural}`
  for (const kind of builtinKinds) kinds.set(keyOf(kind), kind)

  const withdraw = (storage: string) => {
    for (const [key, kind] of kinds) if (kind.rules && kind.storage === storage) kinds.delete(key)
  }

  const establish = (definition: KubeObject) => {
    const reading = readDefinition(definition)
    if (reading.kind === 'Invalid') return
    generation += 1
    withdraw(definition.metadata.name)
    for (const kind of reading.kinds) kinds.set(keyOf(kind), kind)
    if (isObject(definition['status'])) return
    queueMicrotask(() => {
      const location = { storage: crdStorage, key: definition.metadata.name }
      const current = store.get(location)
      if (!current) return
      const time = new Date(clock()).toISOString().replace(/\.\d+Z$/, 'Z')
      const status = establishedStatus(current, reading.names, time)
      store.write(location, { ...current, status })
    })
  }

  store.subscribe(crdStorage, (event: StoreEvent) => {
    const isSameSpec = event.previous?.['spec'] === event.object['spec']
    if (event.type !== 'DELETED') {
      if (!isSameSpec) establish(event.object)
      return
    }
    generation += 1
    const storage = event.object.metadata.name
    withdraw(storage)
    queueMicrotask(() => {
      for (const [key] of store.list(storage)) store.write({ storage, key }, null)
    })
  })

  return {
    find: (group, version, plural) => kinds.get(`${apiVersionOf({ group, version })}/${plural}`),
    ofStorage: (storage) => [...kinds.values()].find((kind) => kind.storage === storage),
    all: () => [...kinds.values()],
    generation: () => generation,
  }
}
