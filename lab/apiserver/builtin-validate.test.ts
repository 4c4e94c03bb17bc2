import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { validateBuiltin } from './builtin-validate.ts'

const object = (kind: string, fields: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'x' },
  ...fields,
})

const replicaSet = (app: string, label = app) =>
  object('ReplicaSet', {
    spec: {
      selector: { matchLabels: { app } },
      template: { metadata: { labels: { app: label } } },
    },
  })

const pod = (spec: object) => object('Pod', { spec })
const container = { name: 'web', image: 'a', env: [] }

const rows: readonly [
  name: string,
  before: KubeObject | null,
  after: KubeObject,
  field: string | null,
][] = [
  ['a selector that finds its pods', null, replicaSet('a'), null],
  ['a selector that does not', null, replicaSet('a', 'b'), 'spec.template.metadata.labels'],
  ['no selector', null, object('ReplicaSet', { spec: {} }), 'spec.selector'],
  ['another selector', replicaSet('a'), replicaSet('b'), 'spec.selector'],
  [
    'another image',
    pod({ containers: [container] }),
    pod({ containers: [{ ...container, image: 'b' }] }),
    null,
  ],
  [
    'another variable',
    pod({ containers: [container] }),
    pod({ containers: [{ ...container, env: [1] }] }),
    'spec',
  ],
  ['a node', pod({}), pod({ nodeName: 'n' }), null],
  ['data that may change', object('ConfigMap', {}), object('ConfigMap', { data: {} }), null],
  [
    'data that may not',
    object('ConfigMap', { immutable: true }),
    object('ConfigMap', { immutable: true, data: {} }),
    'data',
  ],
]

for (const [name, before, after, field] of rows) {
  test(`${after.kind} with ${name} is ${field ? 'refused' : 'taken'}`, () => {
    assert.deepEqual(
      validateBuiltin(before, after).map((cause) => cause.field),
      field ? [field] : [],
    )
  })
}
