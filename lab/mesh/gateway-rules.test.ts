import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { createRandom } from '../random.ts'
import { controllers, type ServiceMesh } from './gateway-rules.ts'
import type { MeshRequest } from './match.ts'
import { compileTable, type MeshObjects, pick } from './route-table.ts'
import { full, pod, world } from './sample-objects.ts'

const service = { group: '', kind: 'Service', name: 'checkout', port: 80 }
const gateway = { name: 'public' }

const back = (revision: string, weight?: number, more = {}) => ({
  name: `checkout-${revision}`,
  port: 80,
  ...(weight === undefined ? {} : { weight }),
  ...more,
})
const stable = [back('v1')]
const canary = [back('v2')]

interface Row {
  readonly name: string
  readonly mesh?: ServiceMesh
  readonly rules: readonly unknown[]
  readonly parent?: unknown
  readonly more?: Partial<MeshObjects>
  readonly request?: Partial<MeshRequest>
  readonly isUnspoken?: boolean
  /** Share by revision, or by the code of a refusal. */
  readonly expected: Record<string, number>
}

const viaGateway = { parent: gateway, request: { via: 'gateway', host: 'shop.example' } } as const
const mirrored = [{ type: 'RequestMirror', requestMirror: { backendRef: back('v2') } }]

const rows: readonly Row[] = [
  {
    name: 'splits by weight',
    rules: [rule(back('v1', 3), back('v2', 1))],
    expected: { v1: 0.75, v2: 0.25 },
  },
  {
    name: 'gives 1 to a backend without weight',
    rules: [rule(back('v1'), back('v2', 3))],
    expected: { v1: 0.25, v2: 0.75 },
  },
  {
    name: 'of Linkerd gives all to a lone backend of weight 0',
    rules: [rule(back('v2', 0))],
    expected: { v2: 1 },
  },
  {
    name: 'of a gateway gives none to it',
    ...viaGateway,
    rules: [rule(back('v2', 0))],
    expected: { 500: 1 },
  },
  {
    name: 'of Linkerd takes another backend where pods are missing',
    rules: [rule(back('v1', 50), back('v3', 50))],
    expected: { v1: 1 },
  },
  {
    name: 'of Linkerd fails when no backend has pods',
    rules: [rule(back('v3', 50))],
    expected: { 503: 1 },
  },
  {
    name: 'of a gateway fails the share without pods',
    ...viaGateway,
    rules: [rule(back('v1', 50), back('v3', 50))],
    expected: { v1: 0.5, 503: 0.5 },
  },
  {
    name: 'fails the share of a missing Service',
    rules: [rule(back('v1', 50), back('nobody', 50))],
    expected: { v1: 0.5, 500: 0.5 },
  },
  {
    name: 'fails a backend without a port',
    rules: [rule({ name: 'checkout-v1' })],
    expected: { 500: 1 },
  },
  {
    name: 'fails a backend of another namespace',
    rules: [rule(back('v1', 1, { namespace: 'x' }))],
    expected: { 500: 1 },
  },
  {
    name: 'takes the more specific path first',
    rules: [rule(...stable), matching({ path: { type: 'Exact', value: '/a' } }, canary)],
    request: { path: '/a?b' },
    expected: { v2: 1 },
  },
  {
    name: 'takes prefixes by whole elements',
    rules: [rule(...stable), matching({ path: { value: '/a' } }, canary)],
    request: { path: '/ab' },
    expected: { v1: 1 },
  },
  {
    name: 'takes more headers first',
    rules: [
      matching({ headers: [{ name: 'X-A', value: '1' }] }, stable),
      matching(
        {
          headers: [
            { name: 'x-a', value: '1' },
            { type: 'RegularExpression', name: 'cookie', value: '^(.*;\\s*)?beta=on(;.*)?$' },
          ],
        },
        canary,
      ),
    ],
    request: { headers: { 'x-a': '1', cookie: 'a=b; beta=on' } },
    expected: { v2: 1 },
  },
  {
    name: 'refuses what no rule matches',
    rules: [matching({ method: 'POST' }, stable)],
    expected: { 404: 1 },
  },
  {
    name: 'heeds the port of its parent',
    rules: [rule(...canary)],
    parent: { ...service, port: 81 },
    expected: { 404: 1 },
  },
  {
    name: 'of Linkerd obeys nothing that it has not accepted',
    rules: [rule(...canary)],
    isUnspoken: true,
    expected: { v1: 0.67, v2: 0.33 },
  },
  {
    name: 'of Linkerd ignores a route that mirrors',
    rules: [{ ...rule(...canary), filters: mirrored }],
    expected: { v1: 0.67, v2: 0.33 },
  },
  {
    name: 'of Linkerd ignores a route with names of rules',
    rules: [{ ...rule(...canary), name: 'one' }],
    expected: { v1: 0.67, v2: 0.33 },
  },
  {
    name: 'that is ambient obeys both',
    mesh: 'ambient',
    rules: [{ ...rule(...canary), name: 'one', filters: mirrored }],
    expected: { v2: 1 },
  },
  {
    name: 'of Linkerd prefers a GRPCRoute',
    rules: [rule(...stable)],
    more: { grpcRoutes: [route('GRPCRoute', [rule(...canary)])] },
    expected: { v2: 1 },
  },
  {
    name: 'matches calls of gRPC',
    rules: [],
    more: {
      httpRoutes: [],
      grpcRoutes: [
        route('GRPCRoute', [
          matching({ method: { service: 'shop.Cart', method: 'Add' } }, canary),
          rule(...stable),
        ]),
      ],
    },
    request: { path: '/shop.Cart/Add' },
    expected: { v2: 1 },
  },
  {
    name: 'at the edge knows no host without a route',
    ...viaGateway,
    rules: [],
    more: { httpRoutes: [] },
    expected: { 404: 1 },
  },
]

for (const { name, mesh = 'linkerd', rules, parent = service, isUnspoken, more, ...row } of rows) {
  test(`a mesh ${name}`, () => {
    const parts = { rules, parent, isUnspoken }
    const objects = sample({ httpRoutes: [route('HTTPRoute', rules, parts)], ...more })
    const table = compileTable(objects, { namespace: 'shop', previous: null, serviceMesh: mesh })
    const request = { host: full, path: '/', method: 'GET', headers: {}, ...row.request }
    const shares: Record<string, number> = {}
    const random = createRandom(5)
    const draws = 3_000
    for (let draw = 0; draw < draws; draw += 1) {
      const choice = pick(table, request, random)
      const where =
        choice.kind === 'refused' ? String(choice.code) : revisionIn(choice.cluster, random)
      shares[where] = (shares[where] ?? 0) + 1 / draws
    }
    assert.deepEqual(
      Object.keys(shares).sort(),
      Object.keys(row.expected).sort(),
      table.problems.join(),
    )
    for (const [where, share] of Object.entries(row.expected)) {
      assert.ok(Math.abs((shares[where] ?? 0) - share) < 0.04, JSON.stringify(shares))
    }
  })
}

test('a mirrored request has a copy for its share, and its answer comes from elsewhere', () => {
  const requestMirror = { backendRef: back('v2'), percent: 25 }
  const rules = [{ ...rule(...stable), filters: [{ type: 'RequestMirror', requestMirror }] }]
  const objects = sample({ httpRoutes: [route('HTTPRoute', rules, { parent: gateway })] })
  const table = compileTable(objects, { namespace: 'shop', previous: null })
  const request = { host: 'a', path: '/', method: 'GET', headers: {}, via: 'gateway' } as const
  const random = createRandom(2)
  let copies = 0
  for (let draw = 0; draw < 4_000; draw += 1) {
    const choice = pick(table, request, random)
    assert.ok(choice.kind === 'cluster' && choice.cluster.name.includes('checkout-v1'))
    copies += choice.copies.length
  }
  assert.ok(Math.abs(copies - 1_000) < 120, `${copies} copies`)
})

function revisionIn(
  { endpoints }: { readonly endpoints: readonly { workload: { canonicalRevision: string } }[] },
  random: () => number,
): string {
  return endpoints[Math.floor(random() * endpoints.length)]?.workload.canonicalRevision ?? 'none'
}

function sample(more: Partial<MeshObjects>): MeshObjects {
  const plain = world({ objects: { pods: [pod('v1', 1), pod('v1', 2), pod('v2', 3)] } })
  const [apex] = plain.services
  const revisions = ['v1', 'v2', 'v3'].map((revision) => ({
    ...(apex as KubeObject),
    metadata: { name: `checkout-${revision}`, namespace: 'shop' },
    spec: { selector: { 'sluice.dev/revision': revision }, ports: [{ port: 80 }] },
  }))
  return { ...plain, services: [...plain.services, ...revisions], ...more }
}

function route(
  kind: string,
  rules: readonly unknown[],
  {
    parent = service,
    isUnspoken = false,
  }: { parent?: unknown; isUnspoken?: boolean | undefined } = {},
): KubeObject {
  const conditions = [{ type: 'Accepted', status: 'True' }]
  const said = { controllerName: controllers.linkerd, parentRef: parent, conditions }
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: { name: 'checkout', namespace: 'shop' },
    spec: { parentRefs: [parent], rules },
    status: { parents: isUnspoken ? [] : [said] },
  }
}

function rule(...backendRefs: unknown[]) {
  return { backendRefs }
}

function matching(match: unknown, backendRefs: readonly unknown[]) {
  return { matches: [match], backendRefs }
}
