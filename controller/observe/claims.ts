// Rollouts in, who splits what out: by object, so that a change of a user's route finds its Rollouts, and by
// rule, so that two Rollouts never split the same one.
import type { KubeObject } from '../../kube/api.ts'
import type { Key } from '../../kube/store.ts'
import type { At } from '../../traffic/router.ts'
import { routerOf } from '../../traffic/routers.ts'

export interface Claims {
  /**
   * Takes down what a Rollout splits; null for one that is gone. Gives the keys of others that share what it held
   * before: their turn may have come.
   */
  set(key: Key, at: At | null): readonly Key[]
  /** Keys of Rollouts that split rules of this object. */
  on(object: KubeObject): readonly Key[]
  /** Keys of all Rollouts that claim what this one claims, with the claim; without itself. */
  rivals(key: Key, at: At): readonly { readonly key: Key; readonly claim: string }[]
}

export function createClaims(): Claims {
  const held = new Map<Key, readonly string[]>()
  const holders = new Map<string, Set<Key>>()
  const drop = (key: Key) => {
    const others = new Set<Key>()
    for (const id of held.get(key) ?? []) {
      const keys = holders.get(id)
      keys?.delete(key)
      if (keys?.size === 0) holders.delete(id)
      for (const other of keys ?? []) others.add(other)
    }
    held.delete(key)
    return [...others]
  }
  return {
    set(key, at) {
      const others = drop(key)
      if (!at) return others
      const ids = [...objectsOf(at), ...rulesOf(at)]
      held.set(key, ids)
      for (const id of ids) holders.set(id, (holders.get(id) ?? new Set()).add(key))
      return others
    },
    on: (object) => [...(holders.get(objectId(object)) ?? [])],
    rivals: (key, at) =>
      rulesOf(at).flatMap((id) =>
        [...(holders.get(id) ?? [])]
          .filter((other) => other !== key)
          .map((other) => ({ key: other, claim: id.slice(id.indexOf(' ') + 1) })),
      ),
  }
}

function objectsOf(at: At): string[] {
  const { route } = routerOf(at.spec)
  const { namespace } = at.owner
  return routerOf(at.spec)
    .routeNames(at)
    .map((name) => objectId({ kind: route.kind, metadata: { namespace, name } }))
}

function rulesOf(at: At): string[] {
  return routerOf(at.spec)
    .claims(at)
    .map((claim) => `${at.owner.namespace} ${claim}`)
}

function objectId({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string {
  return `${kind}/${metadata.namespace ?? ''}/${metadata.name}`
}
