// Every router through the production loop on the lab's API server and mesh: promote, abort by a person,
// delete. Each version of a route that was ever stored is looked at.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { commandAnnotation } from '../crds/names.ts'
import type { KubeObject, Resource } from '../kube/api.ts'
import { systemClock } from '../kube/clock.ts'
import { rollouts, services, virtualServices } from '../kube/resources.ts'
import { startMesh } from '../lab/mesh/start.ts'
import { routeKinds } from '../traffic/gateway-route.ts'
import { type Cluster, startCluster } from './fixtures/cluster.ts'

const { HTTPRoute: httpRoutes } = routeKinds

interface Case {
  readonly name: string
  readonly traffic: Record<string, unknown>
  readonly strategy?: Record<string, unknown>
  /** The route: of a user when `theirs` is given. */
  readonly route: Resource
  readonly routeName: string
  readonly theirs?: KubeObject
}

const canary = { canary: { steps: [{ weight: 20 }, { weight: 50 }] } }
const aside = {
  canary: {
    steps: [
      { weight: 0, match: { headers: { 'x-beta': { exact: '1' } } } },
      { weight: 50, mirror: 10 },
    ],
  },
}

const theirVirtualService: KubeObject = {
  apiVersion: virtualServices.apiVersion,
  kind: 'VirtualService',
  metadata: { name: 'mine', namespace: 'shop', annotations: { team: 'shop' } },
  spec: {
    hosts: ['edited'],
    http: [
      { name: 'static', match: [{ uri: { prefix: '/img' } }], route: [to('cdn')] },
      { name: 'primary', route: [to('edited')], retries: { attempts: 2 }, timeout: '3s' },
    ],
  },
}

const theirRoute: KubeObject = {
  apiVersion: httpRoutes.apiVersion,
  kind: 'HTTPRoute',
  metadata: { name: 'theirs', namespace: 'shop' },
  spec: {
    parentRefs: [{ name: 'public' }],
    rules: [{ name: 'all', backendRefs: [{ name: 'edited-api', port: 80 }] }],
  },
}

const rules = [
  {
    matches: [{ path: { type: 'Exact', value: '/nowhere' } }],
    backendRefs: [{ name: 'linked', port: 80 }],
  },
]

/** Of somebody else, for the Service of the Rollout `linked`. */
const shadow: KubeObject = {
  apiVersion: httpRoutes.apiVersion,
  kind: 'HTTPRoute',
  metadata: { name: 'other', namespace: 'shop' },
  spec: { parentRefs: [{ group: '', kind: 'Service', name: 'linked', port: 80 }], rules },
}

function to(host: string) {
  return { destination: { host } }
}

const istio = { route: virtualServices }
const api = { route: httpRoutes }
const cases: readonly Case[] = [
  {
    name: 'owned',
    traffic: { istio: { host: 'owned' } },
    ...istio,
    routeName: 'owned',
    strategy: aside,
  },
  {
    ...istio,
    name: 'edited',
    traffic: {
      istio: { host: 'edited', virtualServices: [{ name: 'mine', routes: ['primary'] }] },
    },
    routeName: 'mine',
    theirs: theirVirtualService,
    strategy: aside,
  },
  {
    name: 'linked',
    traffic: { linkerd: { host: 'linked', port: 80 } },
    ...api,
    routeName: 'linked',
  },
  {
    ...api,
    name: 'gate',
    traffic: { gatewayApi: { host: 'gate', port: 80, parentRefs: [{ name: 'public' }] } },
    routeName: 'gate',
  },
  {
    ...api,
    name: 'edited-api',
    traffic: {
      gatewayApi: { host: 'edited-api', port: 80, routes: [{ name: 'theirs', rules: ['all'] }] },
    },
    routeName: 'theirs',
    theirs: theirRoute,
  },
  { name: 'plain', traffic: { service: { host: 'plain' } }, route: services, routeName: 'plain' },
  {
    name: 'switched',
    traffic: { service: { host: 'switched' } },
    strategy: { blueGreen: {} },
    route: services,
    routeName: 'switched',
  },
]

describe('a router', () => {
  it('takes a release through, brings one back, and leaves nothing behind', async () => {
    await using cluster = await startCluster()
    const source = { workload: 'load', namespace: 'shop' }
    const mesh = await startMesh({
      ...{ api: cluster.api, clock: systemClock, random: Math.random, source },
      propagationDelayMs: 5,
    })
    try {
      await cluster.api.create(httpRoutes, shadow)
      const played = await Promise.allSettled(cases.map((subject) => play(cluster, subject)))
      const failed = played.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      if (failed.length > 0) throw new AggregateError(failed, failed.join('\n'))
      const shadowed = cluster.announcements.filter((one) => one.announcement.reason === 'Shadowed')
      assert.deepEqual([...new Set(shadowed.map(({ rollout }) => rollout))], ['linked'])
      assert.match(shadowed[0]?.announcement.note ?? '', /HTTPRoute shop\/other/)
    } finally {
      await mesh.close()
    }
  })
})

describe('a route of a user', () => {
  it('that is written over in a trial is split again at once, and goes back to what was written', async () => {
    await using cluster = await startCluster()
    const edited = cases.find(({ name }) => name === 'edited')
    assert.ok(edited?.theirs)
    await putInPlace(cluster, edited)
    const { name } = edited
    await cluster.until('it is stable', async () => isReady(await cluster.rollout(name)))
    await edit(cluster, edited, (object) => setImage(object, 'v2'))
    const key = { namespace: 'shop', name: edited.routeName }
    const entriesOf = (route: KubeObject): { weight?: number }[] =>
      route['spec'].http.find((rule: { name: string }) => rule.name === 'primary').route
    const split = async () => {
      const route = await cluster.api.get(edited.route, key)
      return entriesOf(route).length === 2 ? route : null
    }
    const before = await cluster.until('it is split', split)
    // As a delivery tool does that applies the whole object from Git, with a new timeout.
    const spec = structuredClone(edited.theirs['spec'])
    spec.http[1].timeout = '9s'
    await cluster.api.replace(edited.route, { ...before, spec })
    const after = await cluster.until('it is split again', split)
    assert.equal(after['spec'].http.at(-1).timeout, '9s')
    await cluster.until('it is promoted', async () => isReady(await cluster.rollout(name)))
    await cluster.api.delete(rollouts, { namespace: 'shop', name })
    await cluster.until('it is gone', async () => (await cluster.rollout(name)) === undefined)
    assert.deepEqual((await cluster.api.get(edited.route, key))['spec'], spec)
  })

  it('that two Rollouts claim is split by the older one, and the younger says so', async () => {
    await using cluster = await startCluster()
    const edited = cases.find(({ name }) => name === 'edited')
    assert.ok(edited)
    await putInPlace(cluster, edited)
    await cluster.until('it is stable', async () => isReady(await cluster.rollout('edited')))
    const first = await cluster.api.get(rollouts, { namespace: 'shop', name: 'edited' })
    await systemClock.sleep(1_100)
    const { apiVersion, kind } = first
    const metadata = { name: 'second', namespace: 'shop' }
    await cluster.api.create(rollouts, { apiVersion, kind, metadata, spec: first['spec'] })
    const blocked = await cluster.until('the second is held', async () => {
      const status = await cluster.rollout('second')
      return status?.blockedBy?.reason === 'Claimed' ? status : null
    })
    assert.match(blocked.blockedBy?.message ?? '', /is split by Rollout edited already/)
    assert.ok(isReady(await cluster.rollout('edited')))
  })
})

async function play(cluster: Cluster, subject: Case): Promise<void> {
  const { name, theirs, route } = subject
  const before = await putInPlace(cluster, subject)
  const stop = new AbortController()
  const versions: KubeObject[] = []
  const watching = watch(cluster, { subject, versions, signal: stop.signal })
  try {
    await tell(cluster, subject)
  } finally {
    stop.abort()
    await watching
  }
  for (const version of versions) assertWhole(version, name)
  assert.ok(versions.length > 3, `${name}: ${versions.length} versions`)
  if (theirs || route === services) {
    const after = await cluster.api.get(route, { namespace: 'shop', name: subject.routeName })
    assert.deepEqual(wordsOf(after), wordsOf(before), `${name} is as it was`)
  }
}

async function tell(cluster: Cluster, subject: Case): Promise<void> {
  const { name } = subject
  const revisionOf = async () => (await cluster.rollout(name))?.stable?.revision
  await cluster.until(`${name} is stable`, async () => isReady(await cluster.rollout(name)))
  const first = await revisionOf()
  await edit(cluster, subject, (object) => setImage(object, 'v2'))
  await cluster.until(`${name} is promoted`, async () => {
    const status = await cluster.rollout(name)
    return status?.stable?.revision !== first && isReady(status)
  })
  const second = await revisionOf()
  await edit(cluster, subject, (object) => setImage(object, 'v3'))
  await cluster.until(`${name} is on trial`, async () => {
    const status = await cluster.rollout(name)
    return status?.phase === 'Progressing' && (status.weight ?? 0) > 0
  })
  await edit(cluster, subject, (object) => say(object, 'abort'))
  await cluster.until(`${name} is aborted`, async () => {
    const status = await cluster.rollout(name)
    return status?.phase === 'Aborted' && status.replicas === 2 ? status : null
  })
  assert.equal(await revisionOf(), second, name)
  await cluster.api.delete(rollouts, { namespace: 'shop', name })
  await cluster.until(`${name} is gone`, async () => (await cluster.rollout(name)) === undefined)
}

async function putInPlace({ api: kube }: Cluster, subject: Case): Promise<KubeObject> {
  const { name, theirs, traffic, strategy = canary } = subject
  const service = await kube.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
  })
  const route = theirs ? await kube.create(subject.route, theirs) : service
  await kube.create(rollouts, {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name, namespace: 'shop' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [{ name: 'app', image: 'lab/app:v1', ports: [{ containerPort: 8080 }] }],
        },
      },
      traffic: { ...traffic, settle: '100ms', drain: '100ms' },
      ...holding(strategy),
    },
  })
  return route
}

/** Long enough for a person to abort in the last step, short enough for a test. */
function holding(strategy: Record<string, unknown>): Record<string, unknown> {
  const { canary: stepped } = strategy as { canary?: { steps: { weight: number }[] } }
  if (!stepped) return { blueGreen: { hold: '700ms' } }
  const steps = stepped.steps.map((step) =>
    step.weight === 50 ? { ...step, hold: '700ms' } : step,
  )
  return { canary: { steps } }
}

async function watch(
  { api: kube }: Cluster,
  to: { readonly subject: Case; readonly versions: KubeObject[]; readonly signal: AbortSignal },
): Promise<void> {
  const { subject, versions, signal } = to
  const { resourceVersion } = await kube.list(subject.route, { namespace: 'shop' })
  try {
    for await (const event of kube.watch(
      subject.route,
      { namespace: 'shop', resourceVersion },
      signal,
    )) {
      if (event.type === 'ERROR' || event.type === 'BOOKMARK') continue
      if (event.object.metadata.name === subject.routeName) versions.push(event.object)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Weights sum to 100 wherever there are any, and what a user wrote stands as it stood. */
function assertWhole({ spec }: KubeObject, name: string): void {
  const rules: Record<string, unknown>[] = spec.http ?? spec.rules ?? []
  for (const rule of rules) {
    const entries = (rule['route'] ?? rule['backendRefs'] ?? []) as { weight?: number }[]
    const weights = entries.flatMap(({ weight }) => (weight === undefined ? [] : [weight]))
    const sum = weights.reduce((total, weight) => total + weight, 0)
    assert.ok(weights.length === 0 || sum === 100, `${name}: ${JSON.stringify(entries)}`)
  }
  const images = rules.find((rule) => rule['name'] === 'static')
  if (images) assert.deepEqual(images, theirVirtualService['spec'].http[0])
  const primary = rules.find((rule) => rule['name'] === 'primary')
  if (primary) assert.deepEqual([primary['retries'], primary['timeout']], [{ attempts: 2 }, '3s'])
}

function isReady(status: Awaited<ReturnType<Cluster['rollout']>>): boolean {
  return (
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false
  )
}

async function edit(
  { api: kube }: Cluster,
  { name }: Case,
  change: (object: KubeObject) => KubeObject,
) {
  for (let tries = 0; ; tries += 1) {
    const object = await kube.get(rollouts, { namespace: 'shop', name })
    try {
      return await kube.replace(rollouts, change(object))
    } catch (error) {
      if (tries > 20) throw error
    }
  }
}

function setImage(object: KubeObject, version: string): KubeObject {
  const next = structuredClone(object)
  next['spec'].template.spec.containers[0].image = `lab/app:${version}`
  return next
}

function say(object: KubeObject, verb: 'abort'): KubeObject {
  const said = JSON.stringify({ id: `${verb}-1`, by: 'ada', at: '2026-01-01T00:00:00Z' })
  const annotations = { ...object.metadata.annotations, [commandAnnotation(verb)]: said }
  return { ...object, metadata: { ...object.metadata, annotations } }
}

function wordsOf({ metadata, spec }: KubeObject): unknown[] {
  return [metadata.annotations ?? {}, spec]
}
