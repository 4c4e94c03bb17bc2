import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { StatusError } from './status-error.ts'
import { createStore } from './store.ts'

const storage = 'configmaps'
const object = (name: string, uid = name): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, uid },
})

test('each write takes the next revision and is told to listeners in order', () => {
  const store = createStore({ historyLimit: 10 })
  const told: string[] = []
  store.subscribe(storage, (event) => told.push(`${event.type} ${event.key} ${event.revision}`))
  store.write({ storage, key: 'x/a' }, object('a'))
  store.write({ storage, key: 'x/a' }, object('a'))
  store.write({ storage, key: 'x/a' }, null)
  assert.deepEqual(told, ['ADDED x/a 2', 'MODIFIED x/a 3', 'DELETED x/a 4'])
})

test('a stored object is frozen on all levels', () => {
  const store = createStore({ historyLimit: 10 })
  const stored = store.write({ storage, key: 'x/a' }, { ...object('a'), data: { deep: { x: 1 } } })
  assert.throws(() => {
    stored['data'].deep.x = 2
  }, TypeError)
})

test('a list at an earlier revision shows what was there then', () => {
  const store = createStore({ historyLimit: 10 })
  store.write({ storage, key: 'x/b' }, object('b'))
  store.write({ storage, key: 'x/a' }, object('a'))
  const then = store.revision()
  store.write({ storage, key: 'x/a' }, null)
  store.write({ storage, key: 'x/c' }, object('c'))
  const keys = (revision?: number) => store.list(storage, revision).map(([key]) => key)
  assert.deepEqual(keys(then), ['x/a', 'x/b'])
  assert.deepEqual(keys(), ['x/b', 'x/c'])
})

test('history before its limit is gone with 410', () => {
  const store = createStore({ historyLimit: 2 })
  for (let i = 0; i < 5; i += 1) store.write({ storage, key: 'x/a' }, object('a'))
  const gone = (error: unknown) => error instanceof StatusError && error.code === 410
  assert.throws(() => store.since(storage, 2), gone)
  assert.throws(() => store.list(storage, 2), gone)
  assert.equal(store.since(storage, store.revision() - 1).length, 1)
})

test('dependents are found by the uid of their owner until they let go of it', () => {
  const store = createStore({ historyLimit: 10 })
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'owner' }
  const owned = object('b')
  const location = { storage, key: 'x/b' }
  store.write(location, { ...owned, metadata: { ...owned.metadata, ownerReferences: [owner] } })
  assert.deepEqual(store.dependents('owner'), [location])
  store.write(location, owned)
  assert.deepEqual(store.dependents('owner'), [])
})
