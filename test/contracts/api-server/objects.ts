// The contract of single objects: what the server owns, versions, generations, dry runs, status and scale.
import assert from 'node:assert/strict'
import type { Case } from '../api-server.ts'
import { configMap, replicaSet, type World, widget } from './client.ts'

const merge = 'application/merge-patch+json'

type Request = readonly [method: string, path: string, body?: unknown, type?: string]

const refusals: readonly [
  name: string,
  request: (world: World) => Request,
  code: number,
  reason: string,
][] = [
  ['a name that is taken', (w) => ['POST', w.widgets, widget('taken')], 409, 'AlreadyExists'],
  ['a missing object', (w) => ['GET', `${w.widgets}/nope`], 404, 'NotFound'],
  [
    'a missing namespace',
    () => ['POST', '/api/v1/namespaces/nope/configmaps', configMap('a')],
    404,
    'NotFound',
  ],
  [
    'another namespace than that of the path',
    (w) => ['POST', w.configMaps, configMap('a', {}, { namespace: 'x' })],
    400,
    'BadRequest',
  ],
  [
    'a version on a new object',
    (w) => ['POST', w.configMaps, configMap('a', {}, { resourceVersion: '3' })],
    500,
    '',
  ],
  ['a bad name', (w) => ['POST', w.configMaps, configMap('A_b')], 422, 'Invalid'],
  ['no name', (w) => ['POST', w.configMaps, configMap('')], 422, 'Invalid'],
  [
    'a stale version',
    (w) => ['PUT', `${w.widgets}/taken`, widget('taken', {}, { resourceVersion: '1' })],
    409,
    'Conflict',
  ],
  [
    'a replacement of a custom object without version',
    (w) => ['PUT', `${w.widgets}/taken`, widget('taken')],
    422,
    'Invalid',
  ],
  [
    'a foreign uid in a replacement',
    (w) => ['PUT', `${w.configMaps}/taken`, configMap('taken', {}, { uid: 'x' })],
    409,
    'Conflict',
  ],
  [
    'a foreign uid in a patch',
    (w) => ['PATCH', `${w.configMaps}/taken`, { metadata: { uid: 'x' } }, merge],
    422,
    'Invalid',
  ],
  [
    'a foreign uid in a patch of a custom kind',
    (w) => ['PATCH', `${w.widgets}/taken`, { metadata: { uid: 'x' } }, merge],
    422,
    'Invalid',
  ],
  [
    'a method on a collection',
    (w) => ['PUT', w.configMaps, configMap('a')],
    405,
    'MethodNotAllowed',
  ],
  [
    'a method on a collection of a custom kind',
    (w) => ['PUT', w.widgets, widget('a')],
    400,
    'BadRequest',
  ],
  [
    'a strategic patch of a custom kind',
    (w) => ['PATCH', `${w.widgets}/taken`, {}, 'application/strategic-merge-patch+json'],
    415,
    'UnsupportedMediaType',
  ],
  ['text that is no JSON', (w) => ['POST', w.configMaps, '{'], 400, 'BadRequest'],
  [
    'a failed precondition',
    (w) => ['DELETE', `${w.widgets}/taken`, { preconditions: { uid: 'x' } }],
    409,
    'Conflict',
  ],
  [
    'a fleet without selector',
    (w) => ['POST', w.replicaSets, { ...replicaSet('a'), spec: {} }],
    422,
    'Invalid',
  ],
]

export const objects: readonly Case[] = [
  [
    'a new object gets what the server owns, and no status',
    async ({ send, widgets, namespace }) => {
      const { code, body } = await send('POST', widgets, {
        ...widget('a'),
        status: { replicas: 5 },
      })
      assert.equal(code, 201)
      assert.match(body.metadata.uid, /^[0-9a-f-]{36}$/)
      assert.match(body.metadata.resourceVersion, /^\d+$/)
      assert.match(body.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      assert.equal(body.metadata.generation, 1)
      assert.equal(body.metadata.namespace, namespace)
      assert.equal(body.status, undefined)
    },
  ],
  [
    'a generated name is a prefix and five letters or digits',
    async ({ send, configMaps }) => {
      const { body } = await send('POST', configMaps, configMap('', {}, { generateName: 'web-' }))
      assert.match(body.metadata.name, /^web-[a-z0-9]{5}$/)
    },
  ],
  ...refusals.map(
    ([name, request, code, reason]): Case => [
      `${name} is refused with ${code} in a Status`,
      async (world) => {
        await world.send('POST', world.widgets, widget('taken'))
        await world.send('POST', world.configMaps, configMap('taken'))
        const { body, ...reply } = await world.send(...request(world))
        const { kind, status, code: stated } = body
        assert.deepEqual(
          { code: reply.code, stated, reason: body.reason ?? '', kind, status },
          { code, stated: code, reason, kind: 'Status', status: 'Failure' },
          body.message,
        )
      },
    ],
  ),
  [
    'generation counts changes of what is wanted, and nothing else',
    async ({ send, get, widgets }) => {
      const path = `${widgets}/a`
      await send('POST', widgets, widget('a'))
      const steps: [target: string, patch: object, generation: number][] = [
        [path, { metadata: { labels: { a: 'b' } } }, 1],
        [path, { spec: { replicas: 2 } }, 2],
        [path, { status: { replicas: 2 } }, 2],
        [`${path}/status`, { status: { replicas: 2 }, spec: { replicas: 50 } }, 2],
        [`${path}/scale`, { spec: { replicas: 4 } }, 3],
      ]
      for (const [target, patch, generation] of steps) {
        await send('PATCH', target, patch, merge)
        const { body } = await get(path)
        assert.equal(body.metadata.generation, generation, JSON.stringify(patch))
      }
      const { body } = await get(path)
      assert.deepEqual([body.spec, body.status], [{ replicas: 4 }, { replicas: 2 }])
    },
  ],
  [
    'a write that changes nothing keeps the version',
    async ({ send, get, widgets }) => {
      const { body } = await send('POST', widgets, widget('a', { mode: 'fast' }))
      await send('PATCH', `${widgets}/a`, { spec: { mode: 'fast' } }, merge)
      await send('PUT', `${widgets}/a`, body)
      const after = (await get(`${widgets}/a`)).body
      assert.equal(after.metadata.resourceVersion, body.metadata.resourceVersion)
    },
  ],
  [
    'a dry run of each write answers as if, and stores nothing',
    async ({ send, get, widgets }) => {
      const path = `${widgets}/a`
      const query = '?dryRun=All'
      assert.equal((await send('POST', widgets + query, widget('a'))).code, 201)
      assert.equal((await get(path)).code, 404)
      const { body } = await send('POST', widgets, widget('a'))
      const patched = await send('PATCH', path + query, { spec: { replicas: 7 } }, merge)
      assert.equal(patched.body.spec.replicas, 7)
      assert.equal((await send('DELETE', path + query)).code, 200)
      assert.deepEqual((await get(path)).body, body)
    },
  ],
  [
    'a scale is a Scale, read and written',
    async ({ send, get, widgets }) => {
      await send('POST', widgets, widget('a', { replicas: 3 }))
      const scale = (await get(`${widgets}/a/scale`)).body
      assert.deepEqual([scale.kind, scale.apiVersion], ['Scale', 'autoscaling/v1'])
      assert.deepEqual([scale.spec, scale.status], [{ replicas: 3 }, { replicas: 0 }])
      const written = await send('PUT', `${widgets}/a/scale`, { ...scale, spec: { replicas: 5 } })
      assert.equal(written.code, 200, written.body.message)
      assert.equal((await get(`${widgets}/a`)).body.spec.replicas, 5)
      const stale = await send('PUT', `${widgets}/a/scale`, { ...scale, spec: { replicas: 6 } })
      assert.equal(stale.code, 409)
    },
  ],
  [
    'a ReplicaSet comes with the defaults that its pods will have',
    async ({ send, replicaSets }) => {
      const port = { containerPort: 80 }
      const { code, body } = await send('POST', replicaSets, replicaSet('a', 0, { ports: [port] }))
      assert.equal(code, 201, body.message)
      assert.deepEqual(body.spec.template.spec, {
        containers: [
          {
            name: 'app',
            image: 'app:1',
            ports: [{ containerPort: 80, protocol: 'TCP' }],
            resources: {},
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            imagePullPolicy: 'IfNotPresent',
          },
        ],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        securityContext: {},
        schedulerName: 'default-scheduler',
      })
    },
  ],
  [
    'the selector of a ReplicaSet does not change',
    async ({ send, merge: patch, replicaSets }) => {
      await send('POST', replicaSets, replicaSet('a'))
      const { code } = await patch(`${replicaSets}/a`, {
        spec: { selector: { matchLabels: { app: 'b' } } },
      })
      assert.equal(code, 422)
    },
  ],
  [
    'the data of an immutable ConfigMap does not change',
    async ({ send, merge: patch, configMaps }) => {
      await send('POST', configMaps, { ...configMap('a', { x: '1' }), immutable: true })
      const refused = await patch(`${configMaps}/a`, { data: { x: '2' } })
      assert.deepEqual([refused.code, refused.body.reason], [422, 'Invalid'])
    },
  ],
  [
    'the status of a built-in kind is written beside its spec',
    async ({ send, get, merge: patch, replicaSets }) => {
      await send('POST', replicaSets, replicaSet('a'))
      const path = `${replicaSets}/a`
      await patch(path, { status: { replicas: 9 } })
      assert.equal((await get(path)).body.status.replicas, 0)
    },
  ],
]
