import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { routeAcceptance } from '../../traffic/acceptance.ts'
import { controllers } from './gateway-rules.ts'
import { type Surroundings, statusOf } from './route-status.ts'

const now = '2026-01-01T00:00:00Z'
const named = (name: string, spec: unknown): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec,
})
const ports = [{ port: 80 }]
const surroundings: Surroundings = {
  mesh: 'linkerd',
  services: [named('checkout', { ports }), named('checkout-a', { ports })],
  hasGrpcRoute: false,
}
const inMesh = { group: '', kind: 'Service', name: 'checkout', port: 80 }
const atEdge = { name: 'public' }

const rows: readonly {
  readonly name: string
  readonly parent: unknown
  readonly more?: Partial<Surroundings>
  readonly rules?: unknown
  readonly expected: 'accepted' | 'rejected'
}[] = [
  { name: 'Linkerd accepts', parent: inMesh, expected: 'accepted' },
  {
    name: 'an ambient mesh accepts',
    parent: inMesh,
    more: { mesh: 'ambient' },
    expected: 'accepted',
  },
  { name: 'a gateway accepts', parent: atEdge, expected: 'accepted' },
  { name: 'a missing parent is told', parent: { ...inMesh, name: 'nobody' }, expected: 'rejected' },
  {
    name: 'a headless parent is told',
    parent: inMesh,
    more: { services: [named('checkout', { clusterIP: 'None' })] },
    expected: 'rejected',
  },
  {
    name: 'a missing backend is told',
    parent: inMesh,
    more: { services: [named('checkout', { ports })] },
    expected: 'rejected',
  },
  {
    name: 'a GRPCRoute of the same parent is told',
    parent: inMesh,
    more: { hasGrpcRoute: true },
    expected: 'rejected',
  },
  {
    name: 'a name of a rule is told by Linkerd',
    parent: inMesh,
    rules: [{ name: 'a' }],
    expected: 'rejected',
  },
  {
    name: 'a name of a rule is known at the edge',
    parent: atEdge,
    rules: [{ name: 'a' }],
    expected: 'accepted',
  },
]

for (const { name, parent, more, rules, expected } of rows) {
  test(`the status of a route: ${name}`, () => {
    const object = route(parent, rules)
    assert.equal(routeAcceptance(object).kind, 'pending')
    const parents = statusOf(object, { ...surroundings, ...more }, now)
    const stored = { ...object, status: { parents } }
    assert.equal(routeAcceptance(stored).kind, expected, JSON.stringify(parents))
    assert.equal(statusOf(stored, { ...surroundings, ...more }, 'later'), null, 'said once')
  })
}

test('Linkerd says nothing new of other weights, and a gateway says it of the new generation', () => {
  for (const [parent, isSilent] of [
    [inMesh, true],
    [atEdge, false],
  ] as const) {
    const first = route(parent)
    const status = { parents: statusOf(first, surroundings, now) }
    const second = { ...first, status, metadata: { ...first.metadata, generation: 8 } }
    const said = statusOf(second, surroundings, 'later')
    assert.equal(said === null, isSilent)
    assert.equal(JSON.stringify(said ?? []).includes('later'), false, 'nothing turned')
  }
})

test('what other controllers say stays', () => {
  const foreign = { controllerName: 'example.com/other', parentRef: atEdge, conditions: [] }
  const object = { ...route(atEdge), status: { parents: [foreign] } }
  const parents = statusOf(object, surroundings, now) as { controllerName: string }[]
  assert.deepEqual(
    parents.map(({ controllerName }) => controllerName),
    ['example.com/other', controllers.gateway],
  )
})

function route(
  parent: unknown,
  rules: unknown = [{ backendRefs: [{ name: 'checkout-a', port: 80 }] }],
): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'checkout', namespace: 'shop', generation: 7 },
    spec: { parentRefs: [parent], rules },
  }
}
