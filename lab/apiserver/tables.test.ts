import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { age } from './columns.ts'
import { compileJsonPath } from './json-path.ts'
import { builtinKinds } from './kinds.ts'
import { customColumns, renderTable } from './tables.ts'

const nowMs = Date.UTC(2026, 0, 10)
const created = '2026-01-09T23:59:00Z'

function cells(kind: string, fields: object): unknown {
  const columns = builtinKinds.find((one) => one.kind === kind)?.columns ?? []
  const metadata = { name: 'x', creationTimestamp: created }
  const object: KubeObject = { apiVersion: 'v1', kind, metadata, ...fields }
  const shown = columns.filter((column) => column.priority === 0)
  const table = renderTable(
    [object],
    {},
    { columns: shown, include: 'None', nowMs, withColumns: true },
  )
  return JSON.parse(JSON.stringify(table)).rows[0].cells
}

const rows: readonly [kind: string, fields: object, cells: unknown[]][] = [
  [
    'Pod',
    {
      spec: { containers: [{}, {}] },
      status: { phase: 'Running', containerStatuses: [{ ready: true, restartCount: 2 }] },
    },
    ['x', '1/2', 'Running', '2', '60s'],
  ],
  [
    'Pod',
    { status: { containerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } } }] } },
    ['x', '0/0', 'CrashLoopBackOff', '0', '60s'],
  ],
  [
    'ReplicaSet',
    { spec: { replicas: 3 }, status: { replicas: 2, readyReplicas: 1 } },
    ['x', 3, 2, 1, '60s'],
  ],
  [
    'Service',
    {
      spec: {
        type: 'ClusterIP',
        clusterIP: '10.0.0.1',
        ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }],
      },
    },
    ['x', 'ClusterIP', '10.0.0.1', '<none>', '80/TCP,53/UDP', '60s'],
  ],
  [
    'Event',
    {
      lastTimestamp: created,
      type: 'Normal',
      reason: 'Ready',
      message: 'hello',
      involvedObject: { kind: 'Pod', name: 'web' },
    },
    ['x', '60s', 'Normal', 'Ready', 'pod/web', 'hello'],
  ],
  ['Lease', { spec: { holderIdentity: 'me' } }, ['x', 'me', '60s']],
  ['Namespace', { status: { phase: 'Active' } }, ['x', 'Active', '60s']],
]

for (const [kind, fields, expected] of rows) {
  test(`a ${kind} prints as ${expected.join(' ')}`, () =>
    assert.deepEqual(cells(kind, fields), expected))
}

const ages: readonly [seconds: number, text: string][] = [
  [0, '0s'],
  [119, '119s'],
  [125, '2m5s'],
  [600, '10m'],
  [4 * 3600 + 120, '4h2m'],
  [47 * 3600, '47h'],
  [3 * 86400 + 3600, '3d1h'],
  [9 * 86400, '9d'],
]

for (const [seconds, text] of ages) {
  test(`${seconds} seconds are ${text}`, () => {
    assert.equal(age(new Date(nowMs - seconds * 1000).toISOString(), nowMs), text)
  })
}

const value = {
  a: {
    'b.c/d': 1,
    list: [
      { type: 'Ready', status: 'True' },
      { type: 'Stalled', status: 'False' },
    ],
  },
}
const paths: readonly [path: string, found: unknown[]][] = [
  ['.a.list[0].type', ['Ready']],
  ['.a.list[*].type', ['Ready', 'Stalled']],
  ['.a.list[?(@.type=="Stalled")].status', ['False']],
  [".a['b.c/d']", [1]],
  ['.a.b\\.c/d', [1]],
  ['.a.missing.deeper', []],
]

for (const [path, found] of paths) {
  test(`JSONPath ${path}`, () => assert.deepEqual(compileJsonPath(path)(value), found))
}

test('a JSONPath that is not understood is an error, not an empty column', () => {
  assert.throws(() => compileJsonPath('.a[(@.length-1)]'), /is not understood at/)
})

test('custom columns print what is there, by its type', () => {
  const columns = customColumns([
    { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
    { name: 'Wrong', type: 'integer', jsonPath: '.spec.text' },
    { name: 'Since', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'None', type: 'string', jsonPath: '.spec.none' },
  ])
  const metadata = { name: 'x', creationTimestamp: created }
  const object = { apiVersion: 'a/v1', kind: 'X', metadata, spec: { size: 3, text: 'no' } }
  assert.deepEqual(
    columns.map((column) => column.cell(object, nowMs)),
    [3, null, '60s', null],
  )
})
