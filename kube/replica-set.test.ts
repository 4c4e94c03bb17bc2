import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { label } from '../crds/names.ts'
import { revisionOf } from '../crds/revision.ts'
import type { KubeObject } from './api.ts'
import { rolloutLabel } from './bounded-name.ts'
import { type FleetSpec, readFleet, renderReplicaSet } from './replica-set.ts'

const template = {
  metadata: { labels: { team: 'pay' }, annotations: { a: 'b' } },
  spec: { containers: [{ name: 'app', futureField: { kept: true } }] },
  futureField: [1, 'two'],
}
const spec: FleetSpec = {
  rollout: { namespace: 'shop', name: 'checkout', uid: 'u1' },
  selector: { app: 'checkout' },
  template,
  revision: revisionOf(template),
  replicas: 3,
  minReadySeconds: 5,
  decision: 12,
}
const stored = (object: KubeObject, status: unknown, generation = 2): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, uid: 'rs1', resourceVersion: '9', generation },
  status,
})

test('a fleet is a ReplicaSet of its revision, owned, fenced, with the user’s template inside', () => {
  const { revision } = spec
  const identity = { app: 'checkout', 'sluice.dev/revision': revision }
  const labels = { team: 'pay', ...identity, 'service.istio.io/canonical-revision': revision }
  assert.deepEqual(renderReplicaSet(spec), {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `checkout-${revision}`,
      namespace: 'shop',
      labels: { ...identity, 'sluice.dev/rollout': 'checkout' },
      annotations: {
        'sluice.dev/decision': '12',
        'sluice.dev/stamps': JSON.stringify({
          replaced: { app: null, [label.revision]: null, [label.canonicalRevision]: null },
        }),
      },
      ownerReferences: [
        {
          apiVersion: 'sluice.dev/v1alpha1',
          kind: 'Rollout',
          name: 'checkout',
          uid: 'u1',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      replicas: 3,
      minReadySeconds: 5,
      selector: { matchLabels: identity },
      template: { ...template, metadata: { annotations: { a: 'b' }, labels } },
    },
  })
})

const statuses: [string, unknown, number][] = [
  ['no status', undefined, 0],
  ['a current status', { observedGeneration: 2, availableReplicas: 2 }, 2],
  ['a current status of an older, larger size', { observedGeneration: 2, availableReplicas: 5 }, 5],
  ['a status behind the spec', { observedGeneration: 1, availableReplicas: 5 }, 3],
  ['a status without a number', { observedGeneration: 2 }, 0],
]
for (const [name, status, ready] of statuses) {
  test(`a fleet with ${name} has ${ready} ready`, () => {
    assert.deepEqual(readFleet(stored(renderReplicaSet(spec), status)), {
      revision: spec.revision,
      desired: 3,
      ready,
      decision: 12,
      name: `checkout-${spec.revision}`,
      namespace: 'shop',
      uid: 'rs1',
      resourceVersion: '9',
      template,
      config: [],
    })
  })
}

test('a fleet with configuration names copies of its own, and is read back as it was given', () => {
  const env = { kind: 'ConfigMap', name: 'env' } as const
  const digested: typeof env = { ...env, ...{ digest: '2-f00' } }
  const given = {
    spec: { containers: [{ name: 'app', envFrom: [{ configMapRef: { name: 'env' } }] }] },
  }
  const object = renderReplicaSet({
    ...spec,
    template: given,
    config: [digested],
    revision: 'abc',
  })
  const [container] = object['spec'].template.spec.containers
  assert.deepEqual(container.envFrom, [{ configMapRef: { name: 'env-abc' } }])
  const fleet = readFleet(stored(object, undefined))
  assert.deepEqual(fleet?.template, given)
  assert.deepEqual(fleet?.config, [env])
})

test('a ReplicaSet that is not ours is no fleet', () => {
  const object = renderReplicaSet(spec)
  const { labels: _, ...metadata } = object.metadata
  assert.equal(readFleet({ ...object, metadata }), null)
  assert.equal(readFleet({ ...object, spec: null }), null)
})

test('names and labels keep their limits and stay apart', () => {
  const long = (end: string) => ({ ...spec.rollout, name: `${'a'.repeat(252)}${end}` })
  const [a, b] = ['x', 'y'].map((end) => renderReplicaSet({ ...spec, rollout: long(end) }).metadata)
  assert.deepEqual([a?.name.length, a?.name === b?.name], [253, false])
  assert.match(a?.labels?.[label.rollout] ?? '', /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/)
  assert.equal(rolloutLabel('checkout'), 'checkout')
})

test('whatever the template, what is read back has the same revision', () => {
  const name = fc.oneof(
    fc.string({ maxLength: 8 }).filter((text) => text !== '__proto__'),
    fc.constantFrom('app', label.revision, label.canonicalRevision),
  )
  const labels = fc.dictionary(name, fc.string({ maxLength: 8 }), { maxKeys: 4 })
  const metadata = fc.record(
    { labels: fc.oneof(labels, fc.constant(null)), annotations: labels },
    { requiredKeys: [] },
  )
  const templates = fc.record(
    { metadata: fc.oneof(metadata, fc.constant(null)), spec: fc.jsonValue({ maxDepth: 3 }) },
    { requiredKeys: ['spec'] },
  )
  const property = fc.property(templates, (given) => {
    const revision = revisionOf(given)
    const rendered = renderReplicaSet({ ...spec, template: given, revision })
    const fleet = readFleet(JSON.parse(JSON.stringify(rendered)))
    assert.equal(revisionOf(fleet?.template), revision)
    const { metadata: _, ...rest } = given
    const { metadata: __, ...sent } = rendered['spec'].template
    assert.equal(JSON.stringify(sent), JSON.stringify(rest))
  })
  fc.assert(property, { numRuns: 500, seed: 11 })
})
