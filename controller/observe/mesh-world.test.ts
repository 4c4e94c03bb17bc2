import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { rollouts } from '../../kube/resources.ts'
import { createKubeApi } from '../../kube/transport.ts'
import { readCrdFolders } from '../../lab/apiserver/crd-files.ts'
import { startApiServer } from '../../lab/apiserver/server.ts'
import { rolloutSpec } from '../../test/fixtures/rollout.ts'
import type { Routing } from './mesh-world.ts'
import { ownerOf } from './parsed.ts'
import { createWorld, type World } from './world.ts'

const root = new URL('../..', import.meta.url).pathname
const limitMs = 10_000

const rows: [string, (crd: string) => string, (routing: Routing) => boolean][] = [
  [
    'serves v1beta1 of Istio alone is followed there',
    (crd) => crd.replaceAll(/^( +- )name: v1$/gm, '$1name: v1beta1'),
    ({ router, state }) => state.isReady && router.route.apiVersion.endsWith('v1beta1'),
  ],
  [
    'serves v1 is followed there',
    (crd) => crd,
    ({ router, state }) => state.isReady && router.route.apiVersion.endsWith('/v1'),
  ],
  [
    'does not know Istio is said so',
    () => '',
    ({ state }) => !state.isReady && /install the CRDs of the mesh/.test(state.problem ?? ''),
  ],
]

for (const [name, change, isFound] of rows) {
  it(`a cluster that ${name}`, async () => {
    const ours = await readCrdFolders(`${root}crds`)
    const theirs = (await readCrdFolders(`${root}lab/crds`))
      .filter((crd) => crd.includes('networking.istio.io'))
      .map(change)
    const server = await startApiServer({ crds: [...ours, ...theirs.filter((crd) => crd !== '')] })
    const clock = systemClock
    const api = createKubeApi({ server: server.url, clock, random: Math.random })
    const stop = new AbortController()
    try {
      const object = await api.create(rollouts, rollout())
      const onNothing = () => undefined
      const world = createWorld({
        ...{ api, clock, random: Math.random, onRollout: onNothing, onSource: onNothing },
      })
      world.start(stop.signal)
      assert.ok(await becomes(world, object, isFound))
    } finally {
      stop.abort()
      await api.close()
      await server.close()
    }
  })
}

function rollout(): KubeObject {
  const { traffic: _, ...spec } = rolloutSpec()
  return {
    apiVersion: rollouts.apiVersion,
    kind: 'Rollout',
    metadata: { name: 'checkout', namespace: 'default' },
    spec: { ...spec, traffic: { istio: { host: 'checkout' } } },
  }
}

async function becomes(world: World, object: KubeObject, isFound: (routing: Routing) => boolean) {
  const at = { owner: ownerOf(object), spec: rolloutSpec() }
  const deadline = Date.now() + limitMs
  while (Date.now() < deadline) {
    if (isFound(world.mesh.routing(at))) return true
    await systemClock.sleep(20)
  }
  return false
}
