// kube/ over HTTP against the embedded API server: what the doubles of its unit tests promise, seen true.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { revisionOf } from '../../crds/revision.ts'
import { ApiError, isConflict, isNotFound, type KubeApi, type KubeObject } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { createEventWriter } from '../../kube/events.ts'
import { createLease } from '../../kube/lease.ts'
import { createReflector } from '../../kube/reflector.ts'
import { readFleet, renderReplicaSet } from '../../kube/replica-set.ts'
import { events, leases, replicaSets } from '../../kube/resources.ts'
import { createKubeApi } from '../../kube/transport.ts'
import { type ApiServer, startApiServer } from '../../lab/apiserver/server.ts'

const clock = systemClock
const random = () => 0
const namespace = 'default'
const template = {
  metadata: { labels: { app: 'checkout' } },
  spec: { containers: [{ name: 'app', image: 'app:1' }] },
}
const fleet = (name: string, replicas = 1): KubeObject =>
  renderReplicaSet({
    rollout: { namespace, name, uid: 'u1' },
    selector: { app: 'checkout' },
    template,
    revision: revisionOf(template),
    replicas,
    minReadySeconds: 0,
    decision: 1,
  })
// No owner: the embedded server collects what its owner has left.
const unowned = (name: string, replicas = 1): KubeObject => {
  const { metadata, ...rest } = fleet(name, replicas)
  return { ...rest, metadata: { ...metadata, ownerReferences: [] } } as KubeObject
}

async function withServer(work: (api: KubeApi, server: ApiServer) => Promise<void>) {
  const server = await startApiServer()
  const api = createKubeApi({ server: server.url, clock, random })
  try {
    await work(api, server)
  } finally {
    await api.close()
    await server.close()
  }
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; !isTrue(); waitedMs += 5) {
    assert.ok(waitedMs < 5_000, `waited in vain until ${what}`)
    await clock.sleep(5)
  }
}

test('objects are created, read, replaced, patched and deleted, each held to its version', async () => {
  await withServer(async (api) => {
    const created = await api.create(replicaSets, unowned('a'))
    const key = { namespace, name: created.metadata.name }
    const read = readFleet(await api.get(replicaSets, key))
    assert.deepEqual([read?.desired, read?.ready, read?.decision], [1, 0, 1])
    const larger = { ...created, spec: { ...created['spec'], replicas: 3 } }
    const replaced = await api.replace(replicaSets, larger)
    await assert.rejects(api.replace(replicaSets, larger), isConflict)
    await assert.rejects(api.create(replicaSets, unowned('a')), isConflict)
    const merged = await api.patch(replicaSets, key, 'merge', { spec: { replicas: 4 } })
    const test = {
      op: 'test',
      path: '/metadata/resourceVersion',
      value: replaced.metadata.resourceVersion,
    }
    await assert.rejects(api.patch(replicaSets, key, 'json', [test]))
    assert.equal(merged['spec'].replicas, 4)
    await assert.rejects(api.delete(replicaSets, key, { uid: 'another' }), isConflict)
    await api.delete(replicaSets, key, { uid: created.metadata.uid })
    await assert.rejects(api.get(replicaSets, key), isNotFound)
  })
})

test('a reflector follows pages, changes and a name used again', async () => {
  await withServer(async (api, server) => {
    for (let i = 0; i < 501; i += 1) await api.create(replicaSets, unowned(`r${i}`))
    const log: string[] = []
    const reflector = createReflector({
      api,
      resource: replicaSets,
      clock,
      random,
      onChange: (_, object, previous) => log.push(object ? (previous ? '~' : '+') : '-'),
    })
    const stop = new AbortController()
    const done = reflector.start(stop.signal)
    await reflector.synced
    assert.deepEqual([reflector.store.size, log.length], [501, 501])
    await until(() => server.watchCount() === 1, 'it watches')
    const name = unowned('r0').metadata.name
    await api.patch(replicaSets, { namespace, name }, 'merge', { spec: { replicas: 2 } })
    await api.delete(replicaSets, { namespace, name })
    await api.create(replicaSets, unowned('r0', 7))
    await until(() => log.length >= 504, 'the changes arrive')
    assert.deepEqual(log.slice(501), ['~', '-', '+'])
    assert.equal(reflector.store.get(namespace, name)?.['spec'].replicas, 7)
    stop.abort()
    await done
    assert.deepEqual([reflector.health().relists, reflector.health().failures], [1, 0])
  })
})

test('a watch from before a compaction is told 410', async () => {
  await withServer(async (api, server) => {
    for (const name of ['a', 'b']) await api.create(replicaSets, unowned(name))
    server.compact()
    const told: unknown[] = []
    try {
      const query = { resourceVersion: '1', timeoutSeconds: 2 }
      for await (const event of api.watch(replicaSets, query, new AbortController().signal)) {
        told.push(event.type === 'ERROR' ? event.status.code : event.type)
      }
    } catch (error) {
      told.push(error instanceof ApiError ? error.code : error)
    }
    assert.deepEqual(told, [410])
  })
})

test('a lease is taken, renewed, given away, and taken by the next', async () => {
  await withServer(async (api) => {
    const log: string[] = []
    const candidate = (identity: string) => {
      const times = {
        durationMs: 2_000,
        renewDeadlineMs: 1_000,
        retryMs: 20,
        requestDeadlineMs: 500,
      }
      return createLease({
        api,
        clock,
        random,
        namespace,
        name: 'sluice',
        identity,
        ...times,
        onStarted: (fence) => log.push(`${identity} started ${fence}`),
        onStopped: () => {
          log.push(`${identity} stopped`)
        },
      })
    }
    const stops = ['a', 'b'].map(() => new AbortController())
    const a = candidate('a')
    const first = a.run(stops[0]!.signal)
    await until(() => a.mayWrite(), 'a leads')
    const second = candidate('b').run(stops[1]!.signal)
    await clock.sleep(60)
    stops[0]!.abort()
    await first
    await until(() => log.length >= 3, 'b leads')
    stops[1]!.abort()
    await second
    assert.deepEqual(log, ['a started 1', 'a stopped', 'b started 2', 'b stopped'])
    const lease = await api.get(leases, { namespace, name: 'sluice' })
    assert.equal(lease['spec'].leaseTransitions, 2)
  })
})

test('events are written and become series', async () => {
  await withServer(async (api) => {
    const reporter = { reportingController: 'sluice.dev/controller', reportingInstance: 'sluice-0' }
    const writer = createEventWriter({ api, clock, ...reporter })
    const regarding = { apiVersion: 'v1', kind: 'Pod', namespace, name: 'p', uid: 'u' }
    for (let i = 0; i < 2; i += 1) {
      const note = 'Errors are above 1 %.'
      writer.record({ regarding, type: 'Warning', reason: 'Aborted', action: 'Shift', note })
      await writer.flush()
    }
    const { items } = await api.list(events, { namespace })
    assert.deepEqual([items.length, items[0]?.['series'].count, writer.dropped()], [1, 2, 0])
  })
})
