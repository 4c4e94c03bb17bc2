import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import type { KubeApi, KubeObject } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { pods, replicaSets } from '../../kube/resources.ts'
import { createKubeApi } from '../../kube/transport.ts'
import { type ApiServer, startApiServer } from '../apiserver/server.ts'
import { createRandom } from '../random.ts'
import { type Nodes, startNodes } from './start.ts'

const namespace = 'default'
let server: ApiServer
let api: KubeApi & { close(): Promise<void> }
let nodes: Nodes
let writes = 0

before(async () => {
  const isRead = (verb: string) => ['get', 'list', 'watch', 'document'].includes(verb)
  server = await startApiServer({
    onRequest: ({ verb }) => {
      if (!isRead(verb)) writes += 1
    },
  })
  const random = createRandom(1)
  api = createKubeApi({ server: server.url, clock: systemClock, random })
  nodes = await startNodes({ api, clock: systemClock, random })
})

after(async () => {
  await nodes.close()
  await api.close()
  await server.close()
})

test('a ReplicaSet gets pods that answer, at two writes a pod', async () => {
  await api.create(replicaSets, replicaSet('web', { replicas: 3, env: { STARTUP_MS: '20' } }))
  const { status } = await until(replicaSets, 'web', (object) => statusOf(object).ready === 3)
  const expected = { replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 3, availableReplicas: 3 }
  assert.deepEqual(status, { ...expected, observedGeneration: 1 })
  assert.ok(writes <= 1 + 3 * 2 + 4, `${writes} writes`)
  const all = await podsOf('web')
  assert.equal(new Set(all.map((pod) => pod['status'].podIP)).size, 3)
  for (const pod of all) {
    const answer = await request(`http://${pod['status'].podIP}:8089/`)
    const pods = { service: 'web', version: '1', revision: 'r1', pod: pod.metadata.name }
    assert.deepEqual(await answer.body.json(), pods)
    assert.equal(answer.headers['x-pod'], pod.metadata.name)
  }
})

test('scaling down removes pods at once and lets their servers finish', async () => {
  await api.create(replicaSets, replicaSet('less', { replicas: 2, env: { LATENCY_MS: '150' } }))
  await until(replicaSets, 'less', (object) => statusOf(object).ready === 2)
  const [first, second] = await podsOf('less')
  const answers = [first, second].map((pod) => request(`http://${pod?.['status'].podIP}:8089/`))
  await api.patch(replicaSets, { namespace, name: 'less' }, 'merge', { spec: { replicas: 0 } })
  await until(replicaSets, 'less', (object) => statusOf(object).replicas === 0)
  assert.deepEqual(await podsOf('less'), [])
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.statusCode, 200)
    await answer.body.dump()
  }
})

test('a crashing pod is never ready and says why', async () => {
  await api.create(replicaSets, replicaSet('bad', { replicas: 1, env: { CRASH: 'true' } }))
  await until(replicaSets, 'bad', (object) => statusOf(object).replicas === 1)
  const [created] = await podsOf('bad')
  const name = created?.metadata.name ?? ''
  const pod = await until(pods, name, (object) => object['status'].phase === 'Running')
  const [container] = pod['status'].containerStatuses
  assert.equal(container.state.waiting.reason, 'CrashLoopBackOff')
  assert.deepEqual([container.ready, container.restartCount], [false, 0])
  const { status } = await api.get(replicaSets, { namespace, name: 'bad' })
  assert.deepEqual([status.readyReplicas, status.availableReplicas], [0, 0])
})

test('deleting a ReplicaSet stops its servers when their grace is over', async () => {
  const spec = { replicas: 1, env: { STARTUP_MS: '0' }, graceSeconds: 0 }
  await api.create(replicaSets, replicaSet('gone', spec))
  await until(replicaSets, 'gone', (object) => statusOf(object).ready === 1)
  const [pod] = await podsOf('gone')
  await api.delete(replicaSets, { namespace, name: 'gone' })
  const refused = await poll(() =>
    request(`http://${pod?.['status'].podIP}:8089/`).then(
      ({ body }) => body.dump().then(() => null),
      (error: NodeJS.ErrnoException) => error,
    ),
  )
  assert.match(String(refused), /ECONNREFUSED|ECONNRESET|other side closed/)
})

interface Shape {
  readonly replicas: number
  readonly env: Record<string, string>
  readonly graceSeconds?: number
}

function replicaSet(name: string, { replicas, env, graceSeconds = 1 }: Shape): KubeObject {
  const labels = { app: name, 'sluice.dev/revision': 'r1' }
  const container = {
    name: 'main',
    image: `${name}:1`,
    ports: [{ containerPort: 8089 }],
    env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: graceSeconds, containers: [container] },
      },
    },
  }
}

function statusOf(object: KubeObject): { replicas: number; ready: number } {
  const { replicas = 0, readyReplicas: ready = 0 } = object['status'] ?? {}
  return { replicas, ready }
}

async function podsOf(app: string): Promise<KubeObject[]> {
  return (await api.list(pods, { namespace, labelSelector: `app=${app}` })).items
}

function until(
  resource: typeof pods,
  name: string,
  holds: (object: KubeObject) => boolean,
): Promise<KubeObject> {
  return poll(async () => {
    const object = await api.get(resource, { namespace, name })
    return holds(object) ? object : null
  })
}

async function poll<T>(look: () => Promise<T | null>): Promise<T> {
  for (let attempt = 0; attempt < 250; attempt += 1) {
    const found = await look()
    if (found !== null) return found
    await systemClock.sleep(20)
  }
  throw new Error('it did not happen within 5 s')
}
