// Each example of a mesh, split and given back by its router: the Rollout and the objects that users keep beside it.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { parseRollout } from '../../crds/parse.ts'
import type { KubeObject } from '../../kube/api.ts'
import { routerOf } from '../../traffic/routers.ts'
import { shadowsOf } from '../../traffic/shadows.ts'
import { canary, ownerOf, stable } from './router.ts'

const root = fileURLToPath(new URL('../../examples', import.meta.url))
const seen = new Set<string>()

for (const path of globSync('*/rollout.yaml', { cwd: root }).toSorted()) {
  const folder = dirname(path)
  test(`example ${folder} is split, and given back as it was`, () => {
    const objects = globSync(`${folder}/*.yaml`, { cwd: root }).flatMap(read)
    const parsed = parseRollout(objects.find(({ kind }) => kind === 'Rollout'))
    assert.ok(parsed.ok)
    const { metadata, spec } = parsed.value
    const at = { owner: ownerOf(metadata.name, 'u-1'), spec }
    const router = routerOf(spec)
    const mesh = Object.keys(spec.traffic).find((key) => !['settle', 'drain'].includes(key))
    seen.add(`${mesh} ${spec.canary ? 'canary' : 'blueGreen'}`)
    const weights = spec.canary ? { [stable]: 75, [canary]: 25 } : { [stable]: 0, [canary]: 100 }
    for (const name of router.routeNames(at)) {
      const user = router.ownership === 'in-place' ? find(objects, router.route.kind, name) : null
      const route = router.renderRoute(user, { ...at, weights, decision: 1, now: 0 })
      assert.deepEqual(router.readRoute(route, at).weights, weights)
      assert.deepEqual(router.restoreRoute(route, at), user)
    }
    assert.deepEqual(shadowsOf(at, objects), [])
  })
}

test('there is an example of each mesh and strategy', () => {
  const meshes = ['istio', 'linkerd', 'gatewayApi', 'service']
  assert.deepEqual(
    [...seen].toSorted(),
    meshes.flatMap((mesh) => [`${mesh} canary`, `${mesh} blueGreen`]).toSorted(),
  )
})

function find(objects: readonly KubeObject[], kind: string, name: string): KubeObject {
  const object = objects.find((one) => one.kind === kind && one.metadata.name === name)
  assert.ok(object, `${kind} ${name} is missing in the example`)
  return object
}

function read(path: string): KubeObject[] {
  const text = readFileSync(join(root, path), 'utf8')
  return parseAllDocuments(text, { version: '1.1' }).map((document) => document.toJS())
}
