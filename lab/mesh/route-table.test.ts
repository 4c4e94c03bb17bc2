import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../random.ts'
import type { MeshRequest } from './match.ts'
import { compileTable, type MeshObjects, pick, type RouteTable } from './route-table.ts'
import { delegate, full, leaving, pod, rule, to, virtualService, world } from './sample-objects.ts'

const stable = [to('v1', 100)]
const canary = [to('v2', 100)]
const toStable = { v1: 1 }
const toCanary = { v2: 1 }

interface Row {
  readonly name: string
  readonly http?: readonly unknown[]
  readonly objects?: Partial<MeshObjects>
  readonly request?: Partial<MeshRequest>
  /** Share by where it goes: the subset of the pod, or the flags of a refusal. */
  readonly expected: Record<string, number>
}

const rows: readonly Row[] = [
  { name: 'balances over all pods without a rule', expected: { v1: 2 / 3, v2: 1 / 3 } },
  {
    name: 'splits by weight',
    http: [rule(to('v1', 90), to('v2', 10))],
    expected: { v1: 0.9, v2: 0.1 },
  },
  {
    name: 'takes shares of any sum',
    http: [rule(to('v1', 1), to('v2', 3))],
    expected: { v1: 0.25, v2: 0.75 },
  },
  {
    name: 'sends nothing to weight 0',
    http: [rule(to('v1', 100), to('v2', 0))],
    expected: toStable,
  },
  {
    name: 'sends all to a lone destination of weight 0',
    http: [rule(to('v2', 0))],
    expected: toCanary,
  },
  {
    name: 'fails the share of a missing subset',
    http: [rule(to('v1', 50), to('v9', 50))],
    expected: { v1: 0.5, NC: 0.5 },
  },
  { name: 'fails an empty subset', http: [rule(to('v3', 100))], expected: { UH: 1 } },
  {
    name: 'fails an unknown destination',
    http: [rule(to('v1', 100, 'nobody'))],
    expected: { NC: 1 },
  },
  {
    name: 'resolves short destinations in its namespace',
    http: [rule(to('v2', 100, 'checkout'))],
    expected: toCanary,
  },
  {
    name: 'does not know half a name as a destination',
    http: [rule(to('v2', 100, 'checkout.shop'))],
    expected: { NC: 1 },
  },
  {
    name: 'fails a port that the Service lacks',
    http: [{ route: [{ destination: { host: full, port: { number: 81 } } }] }],
    expected: { NC: 1 },
  },
  { name: 'knows no other host', request: { host: 'elsewhere' }, expected: { NR: 1 } },
  {
    name: 'takes the first rule that holds',
    http: [{ match: [{ uri: { prefix: '/new' } }], route: canary }, { route: stable }],
    request: { path: '/new/1?a=b' },
    expected: toCanary,
  },
  {
    name: 'passes a rule that does not hold',
    http: [{ match: [{ uri: { exact: '/new' } }], route: canary }, { route: stable }],
    request: { path: '/newer' },
    expected: toStable,
  },
  {
    name: 'matches a whole path by regex, without its query',
    http: [{ match: [{ uri: { regex: '/item/\\d+' } }], route: canary }, { route: stable }],
    request: { path: '/item/7?x=1' },
    expected: toCanary,
  },
  {
    name: 'matches headers: all of a match',
    http: [
      {
        match: [{ headers: { 'X-User': { exact: 'a' }, 'x-beta': { prefix: 'y' } } }],
        route: canary,
      },
      { route: stable },
    ],
    request: { headers: { 'x-user': 'a', 'x-beta': 'no' } },
    expected: toStable,
  },
  {
    name: 'matches headers: any of the matches',
    http: [
      {
        match: [
          { headers: { 'x-user': { exact: 'b' } } },
          { headers: { 'x-beta': { regex: 'y.s' } } },
        ],
        route: canary,
      },
      { route: stable },
    ],
    request: { headers: { 'x-beta': 'yes' } },
    expected: toCanary,
  },
  {
    name: 'refuses when no rule holds',
    http: [{ match: [{ uri: { exact: '/a' } }], route: canary }],
    expected: { NR: 1 },
  },
  {
    name: 'never holds a match it does not know',
    http: [{ match: [{ queryParams: { a: { exact: 'b' } } }], route: canary }, { route: stable }],
    expected: toStable,
  },
  {
    name: 'follows a delegate',
    http: [{ name: 'root', delegate: { name: 'inner' } }, { route: stable }],
    objects: { virtualServices: [delegate('inner', [{ route: canary }])] },
    expected: toCanary,
  },
  {
    name: 'asks both matches of a delegate',
    http: [
      { match: [{ uri: { prefix: '/new' } }], delegate: { name: 'inner' } },
      { route: stable },
    ],
    objects: {
      virtualServices: [
        delegate('inner', [{ match: [{ headers: { 'x-beta': {} } }], route: canary }]),
      ],
    },
    request: { path: '/new' },
    expected: toStable,
  },
  {
    name: 'drops only the rule of a missing delegate',
    http: [{ delegate: { name: 'nobody' } }, { route: stable }],
    expected: toStable,
  },
  {
    name: 'refuses when the only rule lost its delegate',
    http: [{ delegate: { name: 'nobody' } }],
    expected: { NR: 1 },
  },
  {
    name: 'leaves pods out that are not ready or leave',
    objects: { pods: [pod('v1', 1), pod('v2', 2, 'False'), leaving(pod('v2', 3))] },
    expected: toStable,
  },
]

for (const row of rows) {
  test(`the mesh ${row.name}`, () => {
    const table = compileTable(world(row), { namespace: 'shop', previous: null })
    const request = { host: full, path: '/', method: 'GET', headers: {}, ...row.request }
    const shares = sharesOf(table, request)
    assert.deepEqual(Object.keys(shares).sort(), Object.keys(row.expected).sort())
    for (const [where, share] of Object.entries(row.expected)) {
      assert.ok(Math.abs((shares[where] ?? 0) - share) < 0.04, JSON.stringify(shares))
    }
  })
}

for (const host of [
  'checkout',
  'checkout.shop',
  'checkout.shop.svc',
  full,
  'checkout:80',
  `${full}:80`,
]) {
  test(`callers reach the Service as ${host}`, () => {
    const table = compileTable(world({ http: [rule(to('v2', 100))] }), {
      namespace: 'shop',
      previous: null,
    })
    assert.deepEqual(sharesOf(table, { host, path: '/', method: 'GET', headers: {} }), toCanary)
  })
}

test('short names belong to the namespace of the caller', () => {
  const table = compileTable(world({}), { namespace: 'elsewhere', previous: null })
  const request = { path: '/', method: 'GET', headers: {} }
  assert.deepEqual(sharesOf(table, { ...request, host: 'checkout' }), { NR: 1 })
  assert.deepEqual(Object.keys(sharesOf(table, { ...request, host: 'checkout.shop' })).sort(), [
    'v1',
    'v2',
  ])
})

test('a VirtualService for gateways only, or not exported, leaves callers to plain balancing', () => {
  for (const more of [{ gateways: ['edge'] }, { exportTo: ['other'] }]) {
    const objects = {
      ...world({}),
      virtualServices: [
        virtualService('checkout', { hosts: [full], http: [rule(to('v2', 1))], ...more }),
      ],
    }
    const table = compileTable(objects, { namespace: 'shop', previous: null })
    const shares = sharesOf(table, { host: full, path: '/', method: 'GET', headers: {} })
    assert.deepEqual(Object.keys(shares).sort(), ['v1', 'v2'])
  }
})

test('weights that are all zero leave the old routes in force, with the endpoints of now', () => {
  const before = compileTable(world({ http: [rule(to('v1', 90), to('v2', 10))] }), {
    namespace: 'shop',
    previous: null,
  })
  const objects = world({
    http: [rule(to('v1', 0), to('v2', 0))],
    objects: { pods: [pod('v1', 7)] },
  })
  const table = compileTable(objects, { namespace: 'shop', previous: before })
  assert.match(table.refused ?? '', /sum to zero/)
  const shares = sharesOf(table, { host: full, path: '/', method: 'GET', headers: {} })
  assert.deepEqual(Object.keys(shares).sort(), ['UH', 'v1'])
  const healed = compileTable(world({ http: [rule(to('v1', 1))] }), {
    namespace: 'shop',
    previous: table,
  })
  assert.equal(healed.refused, null)
})

test('metrics name the Rollout above the ReplicaSet, and the revision of the pod', () => {
  const table = compileTable(world({ http: [rule(to('v2', 100))] }), {
    namespace: 'shop',
    previous: null,
  })
  const choice = pick(table, { host: full, path: '/', method: 'GET', headers: {} }, createRandom(1))
  assert.equal(choice.kind, 'cluster')
  if (choice.kind !== 'cluster') return
  assert.equal(choice.cluster.name, `outbound|80|v2|${full}`)
  assert.deepEqual(choice.cluster.endpoints, [
    {
      address: '127.1.0.3:8080',
      workload: {
        name: 'checkout',
        namespace: 'shop',
        app: 'checkout',
        canonicalService: 'checkout',
        canonicalRevision: 'v2',
      },
    },
  ])
})

function sharesOf(table: RouteTable, request: MeshRequest): Record<string, number> {
  const random = createRandom(7)
  const draws = 4_000
  const shares: Record<string, number> = {}
  for (let draw = 0; draw < draws; draw += 1) {
    const choice = pick(table, request, random)
    const endpoints = choice.kind === 'cluster' ? choice.cluster.endpoints : []
    const endpoint = endpoints[Math.floor(random() * endpoints.length)]
    const where =
      choice.kind === 'refused' ? choice.flags : (endpoint?.workload.canonicalRevision ?? '')
    shares[where] = (shares[where] ?? 0) + 1 / draws
  }
  return Object.fromEntries(
    Object.entries(shares).map(([name, share]) => [name, Math.round(share * 1000) / 1000]),
  )
}
