import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from './api.ts'
import { createStore, isOlderVersion, keyOf, parseKey } from './store.ts'

const pod = (name: string, app: string, resourceVersion = '1'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', uid: name, resourceVersion, labels: { app } },
})
const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name)

const versions: [string | undefined, string | undefined, boolean][] = [
  ['9', '10', true],
  ['10', '9', false],
  ['10', '10', false],
  ['18446744073709551614', '18446744073709551615', true],
  ['opaque', '10', false],
  ['10', undefined, false],
  ['', '10', false],
]
for (const [a, b, isOlder] of versions) {
  test(`version ${a} ${isOlder ? 'came' : 'did not come'} before ${b}`, () => {
    assert.equal(isOlderVersion(a, b), isOlder)
  })
}

test('an index follows its objects', () => {
  const byApp = ({ metadata }: KubeObject) => [metadata.labels?.app ?? '']
  const store = createStore({ indexes: { app: byApp } })
  const seen = () => [names(store.byIndex('app', 'x')), names(store.byIndex('app', 'y'))]
  store.put(pod('a', 'x'))
  store.put(pod('b', 'x'))
  assert.deepEqual(seen(), [['a', 'b'], []])
  store.put(pod('a', 'y', '2'))
  assert.deepEqual(seen(), [['b'], ['a']])
  store.remove(pod('b', 'x', '3'))
  assert.deepEqual(seen(), [[], ['a']])
  assert.throws(() => store.byIndex('zone', 'x'), /no index zone/)
})

test('objects are frozen and lose only managedFields', () => {
  const store = createStore({})
  const given = pod('a', 'x')
  given.metadata['managedFields'] = [{ manager: 'kubectl' }]
  given['spec'] = { unknownField: [{ kept: true }] }
  store.put(given)
  const kept = store.get('shop', 'a')!
  assert.deepEqual(kept, { ...pod('a', 'x'), spec: { unknownField: [{ kept: true }] } })
  assert.throws(() => {
    kept['spec'].unknownField.push({ kept: false })
  }, TypeError)
})

test('a key names its object and comes apart again', () => {
  for (const metadata of [
    { namespace: 'shop', name: 'a' },
    { namespace: undefined, name: 'node' },
  ]) {
    assert.deepEqual(parseKey(keyOf({ ...metadata } as KubeObject['metadata'])), metadata)
  }
})
