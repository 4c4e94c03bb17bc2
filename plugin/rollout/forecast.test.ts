import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepsOf } from '../../controller/rollout/steps.ts'
import { replicaSetName } from '../../kube/replica-set.ts'
import { rollout, rolloutSpec } from '../../test/fixtures/rollout.ts'
import { routerOf } from '../../traffic/routers.ts'
import { record } from '../json.ts'
import { forecast } from './forecast.ts'

const steps = [
  { weight: 0, hold: '1m' },
  { weight: 20, hold: '2m', approval: true },
  { weight: 20 },
  { weight: 60, hold: '1m' },
]

test('a step begins when the one before was live and held, and no sooner', () => {
  const object = rollout({ spec: { canary: { steps }, minReadySeconds: 5 } })
  const { steps: line, shortestMs, longestMs, approvals } = forecast('checkout', record(object))
  assert.deepEqual(
    line.map(({ fromMs, settleMs, pods }) => [fromMs / 1_000, settleMs / 1_000, pods]),
    [
      [0, 5, 1],
      [65, 2, 1],
      [187, 0, 1],
      [187, 7, 3],
    ],
  )
  assert.deepEqual([shortestMs, longestMs, approvals], [254_000, 2_400_000, [2]])
  assert.deepEqual(
    line.map(({ weight }) => weight),
    stepsOf(rolloutSpec({ canary: { steps } })).map(({ weight }) => weight),
  )
})

const meshes: Readonly<Record<string, object>> = {
  istio: { istio: { host: 'web' } },
  'istio with a name': { istio: { host: 'web', virtualService: 'other' } },
  'istio in place': { istio: { host: 'web', virtualServices: [{ name: 'a' }, { name: 'b' }] } },
  linkerd: { linkerd: { host: 'web', port: 80 } },
  'gateway api': {
    gatewayApi: { host: 'web', port: 80, kind: 'GRPCRoute', parentRefs: [{ name: 'gate' }] },
  },
  'gateway api in place': {
    gatewayApi: { host: 'web', port: 80, routes: [{ name: 'a', rules: ['r'] }] },
  },
  service: { service: { host: 'web' } },
}
for (const [mesh, traffic] of Object.entries(meshes)) {
  test(`objects of ${mesh} are those that the controller writes`, () => {
    const object = rollout({ spec: { traffic } })
    const { revision, objects } = forecast('checkout', record(object))
    const router = routerOf(object.spec)
    const reference = { apiVersion: '', kind: '', name: '', uid: '' }
    const at = { owner: { namespace: 'shop', name: 'checkout', reference }, spec: object.spec }
    const written = [
      `ReplicaSet ${replicaSetName('checkout', revision)}`,
      ...router.subsetNames(at, [revision]).map((name) => `${router.subsets.kind} ${name}`),
      ...router.routeNames(at).map((name) => `${router.route.kind} ${name}`),
    ]
    assert.deepEqual(
      objects.map(({ kind, name }) => `${kind} ${name}`),
      written,
    )
  })
}
