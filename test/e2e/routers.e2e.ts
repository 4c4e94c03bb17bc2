// What routers write, stored by a real API server with the definitions of the meshes: taken, read back, written
// once, patched with its tests, and given back. SLUICE_MESH_CRDS names the definitions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isNotFound, type KubeApi, type KubeObject, type Resource } from '../../kube/api.ts'
import { rollouts } from '../../kube/resources.ts'
import { patchOf } from '../../traffic/json-patch.ts'
import type { Aside, Router } from '../../traffic/router.ts'
import { rollout } from '../contracts/api-server/client.ts'
import { canary, ownerOf, type RouterCase, stable } from '../contracts/router.ts'
import { routerCases } from '../contracts/router-cases.ts'
import { connectTo, currentControlPlane } from './current.ts'

const namespace = 'routers'
const namespaces: Resource = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}
const path = [
  { [stable]: 100 },
  { [stable]: 95, [canary]: 5 },
  { [stable]: 0, [canary]: 100 },
  { [canary]: 100 },
]
const skip = process.env['SLUICE_MESH_CRDS']
  ? false
  : 'NOT PROVEN HERE: SLUICE_MESH_CRDS names no definitions of Istio and the Gateway API'
const owner = { ...ownerOf('checkout', skip ? '' : await createOwner()), namespace }

for (const subject of routerCases) {
  test(`a real API server keeps what a router writes: ${subject.name}`, { skip }, async () => {
    const api = connectTo(await currentControlPlane())
    try {
      const users = subject.users ? fc.sample(subject.users, { seed: 11, numRuns: 6 }) : [null]
      for (const user of users) await travel(api, subject, user)
      if (subject.router.apart !== 'labels') await tellApart(api, subject)
    } finally {
      await api.close()
    }
  })
}

/** A real one: what belongs to an owner that never was is collected. Gives its uid. */
async function createOwner(): Promise<string> {
  const api = connectTo(await currentControlPlane())
  try {
    await api.create(namespaces, named('v1', 'Namespace', namespace))
    const { metadata, ...body } = rollout('checkout')
    const created = await api.create(rollouts, { ...body, metadata: { ...metadata, namespace } })
    return created.metadata.uid ?? ''
  } finally {
    await api.close()
  }
}

/** The route through all weights, with and without something beside them, and back. */
async function travel(api: KubeApi, subject: RouterCase, user: KubeObject | null): Promise<void> {
  const { router, spec } = subject
  const at = { owner, spec }
  const found = user ? await api.create(router.route, asUserGave(user)) : null
  const key = { namespace, name: router.routeNames(at)[0] ?? '' }
  let current = found
  let decision = 0
  for (const weights of path) {
    for (const aside of [asideOf(router), undefined]) {
      decision += 1
      const change = { ...at, weights, decision, now: decision * 1_000, aside }
      const next = router.renderRoute(current, change)
      if (!current) current = await api.create(router.route, next)
      else if (router.ownership === 'owned') current = await api.replace(router.route, next)
      else {
        const patch = patchOf(current, next, router.guards(current, at))
        current = await api.patch(router.route, key, 'json', patch)
        await assert.rejects(
          api.patch(router.route, key, 'json', patch),
          'it is a patch of its version',
        )
      }
      const { since: _, ...read } = router.readRoute(current, at)
      assert.deepEqual(read, { weights, decision, aside: aside ?? null })
      const again = router.renderRoute(current, { ...change, now: 9e6 })
      assert.deepEqual(patchOf(current, again, []), [], 'nothing is left to write')
    }
  }
  if (found && current) await giveBack(api, subject, { found, current })
  await api.delete(router.route, key)
}

async function giveBack(
  api: KubeApi,
  { router, spec }: RouterCase,
  { found, current }: { readonly found: KubeObject; readonly current: KubeObject },
): Promise<void> {
  const at = { owner, spec }
  const restored = router.restoreRoute(current, at)
  assert.ok(restored)
  const patch = patchOf(current, restored, router.guards(current, at))
  const { name } = current.metadata
  const stored = await api.patch(router.route, { namespace, name }, 'json', patch)
  assert.deepEqual(stored['spec'], found['spec'])
  assert.deepEqual(stored.metadata.annotations, found.metadata.annotations)
}

async function tellApart(api: KubeApi, { router, spec, apex }: RouterCase): Promise<void> {
  const at = { owner, spec }
  const single = router.apart === 'objects'
  for (const revisions of single ? [[stable], [canary]] : [[stable], [stable, canary]]) {
    const change = { ...at, revisions, decision: 1, apex }
    const key = { namespace, name: router.subsetNames(at, revisions)[0] ?? '' }
    const current = await read(api, router.subsets, key)
    const next = router.renderSubsets(current, change)
    const stored = await (current
      ? api.replace(router.subsets, next)
      : api.create(router.subsets, next))
    assert.deepEqual(router.readSubsets(stored), revisions)
    assert.deepEqual(patchOf(stored, router.renderSubsets(stored, change), []), [])
    if (single || revisions.length > 1) await api.delete(router.subsets, key)
  }
}

async function read(api: KubeApi, resource: Resource, key: { namespace: string; name: string }) {
  try {
    return await api.get(resource, key)
  } catch (error) {
    if (isNotFound(error)) return null
    throw error
  }
}

/** Without what only a server sets, and without fields that no definition knows. */
function asUserGave(user: KubeObject): KubeObject {
  const { name, labels = {}, annotations = {} } = user.metadata
  const spec = structuredClone(user['spec'])
  for (const rule of spec.http ?? []) delete rule.fieldOfTomorrow
  for (const port of spec.ports ?? []) delete port.nodePort
  delete spec.clusterIP
  const about = Object.keys(annotations).length > 0 ? { annotations } : {}
  return {
    ...named(user.apiVersion, user.kind, name),
    metadata: { name, namespace, labels, ...about },
    spec,
  }
}

function named(apiVersion: string, kind: string, name: string): KubeObject {
  return { apiVersion, kind, metadata: { name } }
}

function asideOf({ features }: Router): Aside | undefined {
  const match = { headers: { 'x-canary': { prefix: 'y' } }, cookie: { name: 'b', value: '1' } }
  if (!features.match) return undefined
  return { revision: canary, match, ...(features.mirror ? { mirrorPercent: 10 } : {}) }
}
