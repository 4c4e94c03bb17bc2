import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigRef } from '../crds/revision.ts'
import type { KubeObject, OwnerReference } from './api.ts'
import {
  copyName,
  isCopy,
  readConfig,
  renderCopy,
  slimConfig,
  withCopies,
  withoutCopies,
} from './config-copy.ts'

const env: ConfigRef = { kind: 'ConfigMap', name: 'env' }
const key: ConfigRef = { kind: 'Secret', name: 'key' }
const owner: OwnerReference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'rs1' }
const configMap: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'env', namespace: 'shop', uid: 'u', resourceVersion: '7', labels: { a: 'b' } },
  data: { LEVEL: 'debug' },
  binaryData: { blob: 'AAEC' },
}
const secret: KubeObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'key', namespace: 'shop' },
  type: 'kubernetes.io/tls',
  data: { 'tls.key': 'c2VjcmV0' },
}

test('every way in which a pod template names configuration is led to the copy, and back', () => {
  const template = (map: string, hidden: string) => ({
    metadata: { labels: { app: 'env' } },
    spec: {
      serviceAccountName: 'env',
      imagePullSecrets: [{ name: 'key' }],
      initContainers: [{ name: 'env', envFrom: [{ prefix: 'A_', secretRef: { name: hidden } }] }],
      containers: [
        {
          name: 'env',
          env: [
            { name: 'A', value: 'env' },
            { name: 'B', valueFrom: { configMapKeyRef: { name: map, key: 'env' } } },
            { name: 'C', valueFrom: { secretKeyRef: { name: hidden, key: 'k', optional: true } } },
            { name: 'D', valueFrom: { secretKeyRef: { name: 'env', key: 'k' } } },
            { name: 'E', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          ],
          envFrom: [{ configMapRef: { name: map } }, { configMapRef: { name: 'other' } }],
        },
        null,
      ],
      volumes: [
        { name: 'env', configMap: { name: map, items: [{ key: 'a', path: 'b' }] } },
        { name: 'key', secret: { secretName: hidden, defaultMode: 256 } },
        {
          name: 'all',
          projected: { sources: [{ configMap: { name: map } }, { secret: { name: hidden } }] },
        },
        { name: 'tmp', emptyDir: {} },
      ],
      futureField: { configMap: { name: 'env' } },
    },
  })
  const plain = template('env', 'key')
  const copied = withCopies(plain, [env, key], 'abc')
  assert.deepEqual(copied, template('env-abc', 'key-abc'))
  assert.deepEqual(withoutCopies(copied, [env, key], 'abc'), plain)
})

test('templates without what is named stay as they are', () => {
  const rows: unknown[] = [undefined, null, 'text', {}, { spec: null }, { spec: { volumes: 'x' } }]
  for (const row of rows) assert.deepEqual(withCopies(row, [env], 'abc'), row)
  const template = { spec: { containers: [{ envFrom: [{ configMapRef: { name: 'env' } }] }] } }
  assert.equal(withCopies(template, [], 'abc'), template)
})

test('a copy holds the same, can not be changed and goes with its ReplicaSet', () => {
  const spec = { rollout: 'checkout', revision: 'abc', owner, decision: 4 }
  const metadata = {
    namespace: 'shop',
    labels: { 'sluice.dev/rollout': 'checkout', 'sluice.dev/revision': 'abc' },
    annotations: { 'sluice.dev/decision': '4' },
    ownerReferences: [owner],
  }
  const { data, binaryData } = configMap
  const ofMap = renderCopy({ ...spec, source: configMap })
  assert.deepEqual(ofMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'env-abc', ...metadata },
    immutable: true,
    data,
    binaryData,
  })
  const ofSecret = renderCopy({ ...spec, source: secret })
  assert.deepEqual(ofSecret, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'key-abc', ...metadata },
    immutable: true,
    data: secret['data'],
    type: 'kubernetes.io/tls',
  })
  assert.equal(isCopy(ofMap, ofMap), true)
  assert.equal(isCopy({ ...ofMap, immutable: false }, ofMap), false)
  assert.equal(isCopy({ ...ofMap, data: { LEVEL: 'info' } }, ofMap), false)
  const other = [{ ...owner, uid: 'rs2' }]
  assert.equal(
    isCopy({ ...ofMap, metadata: { ...ofMap.metadata, ownerReferences: other } }, ofMap),
    false,
  )
})

test('the store keeps a digest and never what a ConfigMap or Secret holds', () => {
  for (const object of [configMap, secret]) {
    const slim = slimConfig(object)
    assert.doesNotMatch(JSON.stringify(slim), /debug|AAEC|c2VjcmV0/)
    assert.deepEqual(
      { ...readConfig(slim).config, digest: '' },
      { kind: object.kind, name: object.metadata.name, digest: '' },
    )
    assert.equal(readConfig(slim).problem, null)
  }
  const digest = (object: KubeObject) => readConfig(slimConfig(object)).config.digest
  assert.equal(digest({ ...configMap, immutable: true }), digest(configMap))
  assert.notEqual(digest({ ...configMap, data: { LEVEL: 'info' } }), digest(configMap))
})

test('a Secret that works under its own name only is no configuration', () => {
  const token = { ...secret, type: 'kubernetes.io/service-account-token' }
  assert.match(readConfig(slimConfig(token)).problem ?? '', /take it out of spec\.config/)
})

test('names of copies stay within what the API server takes', () => {
  assert.equal(copyName('env', 'abc'), 'env-abc')
  const long = copyName('e'.repeat(253), '0123456789')
  assert.ok(long.length <= 253)
  assert.match(long, /-0123456789$/)
})
