import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, isConflict, isNotFound, type KubeApi, type Resource } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { createReflector } from '../../kube/reflector.ts'
import { createKubeApi } from '../../kube/transport.ts'
import type { ApiServer } from './server.ts'
import { widget, withServer } from './testing.ts'

const widgets: Resource = {
  apiVersion: 'test.dev/v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
}
const key = { namespace: 'default', name: 'a' }
const random = () => 0.5

const inDefault = (spec: object = {}) => widget('a', spec, { namespace: 'default' })

function withApi(test: (api: KubeApi, server: ApiServer) => Promise<void>): Promise<void> {
  return withServer(async ({ server }) => {
    const api = createKubeApi({ server: server.url, clock: systemClock, random })
    try {
      await test(api, server)
    } finally {
      await api.close()
    }
  })
}

test("Sluice's own client reads, writes and meets the refusals it knows", () =>
  withApi(async (api) => {
    const created = await api.create(widgets, inDefault())
    const scaled = await api.patch(widgets, key, 'apply', inDefault({ replicas: 2 }), {
      force: true,
    })
    assert.equal(scaled['spec'].replicas, 2)
    await assert.rejects(api.replace(widgets, { ...created, spec: { replicas: 3 } }), isConflict)
    const status = { status: { replicas: 2 } }
    const done = await api.patch(widgets, key, 'merge', status, { subresource: 'status' })
    assert.deepEqual(done['status'], { replicas: 2 })
    assert.equal((await api.list(widgets, { namespace: 'default' })).items.length, 1)
    await assert.rejects(api.delete(widgets, key, { uid: 'other' }), isConflict)
    await api.delete(widgets, key, { propagation: 'Foreground' })
    await assert.rejects(api.get(widgets, key), isNotFound)
    const isInvalid = (error: unknown) => error instanceof ApiError && error.reason === 'Invalid'
    await assert.rejects(api.create(widgets, inDefault({ replicas: -1 })), isInvalid)
  }))

test('a reflector follows through a compaction', () =>
  withApi(async (api, server) => {
    const stop = new AbortController()
    const { promise: seen, resolve } = Promise.withResolvers<string>()
    const reflector = createReflector({
      api,
      resource: widgets,
      clock: systemClock,
      random,
      onChange: (changed, object) => object && resolve(changed),
    })
    const following = reflector.start(stop.signal)
    await reflector.synced
    server.compact()
    await api.create(widgets, inDefault())
    assert.equal(await seen, 'default/a')
    stop.abort()
    await following
  }))
