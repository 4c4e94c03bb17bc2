// What people and other tools do to objects in the middle of a trial in, a release that ends well out: on the
// lab's API server and through the production loop.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { finalizer, label } from '../crds/names.ts'
import { ApiError, type KubeObject, type Resource } from '../kube/api.ts'
import { destinationRules, replicaSets, rollouts, virtualServices } from '../kube/resources.ts'
import { type Cluster, startCluster } from './fixtures/cluster.ts'

const namespace = 'shop'
const steps = [
  { weight: 20, approval: true },
  { weight: 60, hold: '100ms' },
]

const several = { concurrency: 4 }

describe('in the middle of a trial', several, () => {
  it('a deletion that leaves everything behind leaves traffic on stable', async () => {
    await using cluster = await startCluster()
    const { stable } = await onTrial(cluster, 'orphaned')
    await cluster.api.delete(rollouts, { namespace, name: 'orphaned' }, { propagation: 'Orphan' })
    await cluster.until('it is gone', async () => !(await cluster.rollout('orphaned')))
    const route = await read(cluster, virtualServices, 'orphaned')
    assert.deepEqual(weightsOf(route), { [stable]: 100 })
    const { items } = await cluster.api.list(replicaSets, { namespace })
    const left = items.map(({ metadata, spec }) => [
      metadata.labels?.[label.revision],
      spec.replicas,
    ])
    assert.deepEqual(left, [[stable, 2]])
    assert.deepEqual(
      [route, ...items].flatMap(({ metadata }) => metadata.ownerReferences ?? []),
      [],
    )
  })

  it('a Rollout waits for its controller when it is deleted, and at rest it does not', async () => {
    await using cluster = await startCluster()
    await onTrial(cluster, 'promised')
    const finalizersOf = async () => (await read(cluster, rollouts, 'promised')).metadata.finalizers
    assert.deepEqual(await finalizersOf(), [finalizer])
    await say(cluster, 'promised', 'promote')
    await isPromoted(cluster, 'promised')
    await cluster.until('nothing is promised any more', async () => !(await finalizersOf()))
  })

  for (const [what, resource, name] of [
    ['its route', virtualServices, 'torn'],
    ['what tells its revisions apart', destinationRules, 'torn'],
  ] as const) {
    it(`${what} is made again when somebody deletes it, with the weights of the step`, async () => {
      await using cluster = await startCluster()
      const { stable, canary } = await onTrial(cluster, name)
      const { metadata } = await read(cluster, resource, name)
      await cluster.api.delete(resource, { namespace, name })
      await cluster.until(`${what} is there again`, async () => {
        const again = await cluster.api.get(resource, { namespace, name }).catch(() => null)
        return again !== null && again.metadata.uid !== metadata.uid
      })
      await cluster.until('the step is as it was', async () => {
        const weights = weightsOf(await read(cluster, virtualServices, name))
        return weights[canary] === 20 && weights[stable] === 80
      })
      const subsets = (await read(cluster, destinationRules, name))['spec'].subsets
      assert.deepEqual(
        subsets.map((subset: { name: string }) => subset.name).sort(),
        [stable, canary].sort(),
      )
      await say(cluster, name, 'promote')
      await isPromoted(cluster, name)
    })
  }

  it('a canary whose ReplicaSet is deleted loses its traffic until it is there again', async () => {
    await using cluster = await startCluster()
    const { stable, canary } = await onTrial(cluster, 'robbed')
    await cluster.api.delete(replicaSets, { namespace, name: `robbed-${canary}` })
    const seen: Record<string, number>[] = []
    await cluster.until('it has its share again', async () => {
      seen.push(weightsOf(await read(cluster, virtualServices, 'robbed')))
      return seen.some((one) => one[stable] === 100) && seen.at(-1)?.[canary] === 20
    })
    await say(cluster, 'robbed', 'promote')
    await isPromoted(cluster, 'robbed')
  })

  it('ReplicaSets that somebody scales have their size again', async () => {
    await using cluster = await startCluster()
    const { stable, canary } = await onTrial(cluster, 'scaled')
    for (const revision of [stable, canary]) {
      const name = `scaled-${revision}`
      await cluster.api.patch(replicaSets, { namespace, name }, 'merge', { spec: { replicas: 0 } })
      await cluster.until(`${revision} has pods and its share again`, async () => {
        const { spec, status } = await read(cluster, replicaSets, name)
        const weights = weightsOf(await read(cluster, virtualServices, 'scaled'))
        return (
          spec.replicas > 0 && status?.readyReplicas === spec.replicas && weights[canary] === 20
        )
      })
    }
    await say(cluster, 'scaled', 'promote')
    await isPromoted(cluster, 'scaled')
  })

  it('what others write into a route of ours stays byte for byte through all that follows', async () => {
    await using cluster = await startCluster()
    const { canary } = await onTrial(cluster, 'shared')
    const route = await read(cluster, virtualServices, 'shared')
    const [rule] = route['spec'].http
    const theirs = {
      retries: { attempts: 2, perTryTimeout: '1s' },
      timeout: '7s',
      corsPolicy: { allowOrigins: [{ exact: 'https://shop.example.com' }], maxAge: '24h' },
      headers: { response: { add: { 'x-seen': 'yes' } } },
    }
    const images = {
      name: 'images',
      match: [{ uri: { prefix: '/img' } }],
      route: [{ destination: { host: 'cdn' } }],
    }
    const http = [images, { ...rule, ...theirs }]
    const labels = { ...route.metadata.labels, team: 'shop' }
    await cluster.api.replace(virtualServices, {
      ...route,
      metadata: { ...route.metadata, labels },
      spec: { ...route['spec'], exportTo: ['.'], http },
    })
    await say(cluster, 'shared', 'promote')
    await isPromoted(cluster, 'shared')
    const after = await read(cluster, virtualServices, 'shared')
    const { route: split, ...others } = after['spec'].http[1]
    assert.equal(split.at(-1).destination.subset, canary)
    assert.equal(JSON.stringify(after['spec'].http[0]), JSON.stringify(images))
    assert.deepEqual(others, { name: rule.name, ...theirs })
    assert.deepEqual([after['spec'].exportTo, after.metadata.labels?.['team']], [['.'], 'shop'])
  })

  it('an autoscaler is followed in a step, and after it', async () => {
    await using cluster = await startCluster()
    const { stable, canary } = await onTrial(cluster, 'busy')
    const key = { namespace, name: 'busy' }
    const sizes = async () =>
      Object.fromEntries(
        (await cluster.api.list(replicaSets, { namespace })).items.map(({ metadata, spec }) => [
          metadata.labels?.[label.revision],
          spec.replicas,
        ]),
      )
    for (const [replicas, ofCanary] of [
      [10, 2],
      [3, 1],
    ] as const) {
      await cluster.api.patch(rollouts, key, 'merge', { spec: { replicas } })
      await cluster.until(`${replicas} pods`, async () => {
        const now = await sizes()
        return now[stable] === replicas && now[canary] === ofCanary
      })
    }
    await say(cluster, 'busy', 'promote')
    await isPromoted(cluster, 'busy')
    assert.deepEqual(await sizes(), { [canary]: 3 })
  })
})

describe('a route of a user', several, () => {
  const split = { host: 'late', virtualServices: [{ name: 'mine', routes: ['primary'] }] }
  const to = { destination: { host: 'late' } }
  const mine: KubeObject = {
    apiVersion: virtualServices.apiVersion,
    kind: 'VirtualService',
    metadata: { name: 'mine', namespace },
    spec: { hosts: ['late'], http: [{ name: 'primary', route: [to] }] },
  }
  const edited = (): KubeObject => {
    const rollout = rolloutNamed('late')
    const traffic = { istio: split, settle: '20ms', drain: '20ms' }
    return { ...rollout, spec: { ...rollout['spec'], traffic } }
  }

  it('that comes after its Rollout is waited for, and split once it is there', async () => {
    await using cluster = await startCluster()
    await cluster.api.create(rollouts, edited())
    const blocked = await cluster.until('it says what is missing', async () => {
      const status = await cluster.rollout('late')
      return status?.blockedBy?.reason === 'Unsplittable' ? status : null
    })
    assert.match(blocked.blockedBy?.message ?? '', /VirtualService mine.* does not exist/)
    await cluster.api.create(virtualServices, mine)
    await cluster.until('it is stable', async () => stableOf(cluster, 'late'))
  })

  it('that is deleted in a trial stops it with a reason, and it goes on when it is there again', async () => {
    await using cluster = await startCluster()
    await cluster.api.create(virtualServices, mine)
    await cluster.api.create(rollouts, edited())
    await cluster.until('it is stable', async () => stableOf(cluster, 'late'))
    await release(cluster, 'late')
    await cluster.until('it waits for a person', async () => {
      return (await cluster.rollout('late'))?.blockedBy?.reason === 'Approval'
    })
    await cluster.api.delete(virtualServices, { namespace, name: 'mine' })
    await cluster.until('it says what is missing', async () => {
      return (await cluster.rollout('late'))?.blockedBy?.reason === 'Unsplittable'
    })
    await cluster.api.create(virtualServices, mine)
    await say(cluster, 'late', 'promote')
    await isPromoted(cluster, 'late')
  })

  it('is taken over by a Rollout of another name when the first one goes, as it was', async () => {
    await using cluster = await startCluster()
    await cluster.api.create(virtualServices, mine)
    await cluster.api.create(rollouts, edited())
    await cluster.until('it is stable', async () => stableOf(cluster, 'late'))
    const renamed = edited()
    await cluster.api.create(rollouts, { ...renamed, metadata: { name: 'later', namespace } })
    await cluster.until('the second one waits', async () => {
      return (await cluster.rollout('later'))?.blockedBy?.reason === 'Claimed'
    })
    await cluster.api.delete(rollouts, { namespace, name: 'late' })
    await cluster.until('it is stable', async () => stableOf(cluster, 'later'))
    await cluster.api.delete(rollouts, { namespace, name: 'later' })
    await cluster.until('it is gone', async () => !(await cluster.rollout('later')))
    assert.deepEqual((await read(cluster, virtualServices, 'mine'))['spec'], mine['spec'])
  })
})

describe('an API server that does not take a write', several, () => {
  for (const [code, reason] of [
    [403, 'Forbidden'],
    [422, 'Invalid'],
  ] as const) {
    it(`says ${code}: the status tells its words, and the release goes on when it is mended`, async () => {
      let isRefusing = false
      await using cluster = await startCluster({
        before: (api) => ({
          ...api,
          replace: async (resource, object, options) => {
            const isRoute = resource.kind === 'VirtualService'
            const message = 'admission webhook "policy.example" denied the request: no team label'
            if (isRoute && isRefusing) throw new ApiError({ code, reason, message })
            return api.replace(resource, object, options)
          },
        }),
      })
      await cluster.api.create(rollouts, rolloutNamed('denied'))
      await cluster.until('it is stable', async () => stableOf(cluster, 'denied'))
      isRefusing = true
      await release(cluster, 'denied')
      const blocked = await cluster.until('it says why', async () => {
        const status = await cluster.rollout('denied')
        return status?.blockedBy?.reason === 'WriteRefused' ? status : null
      })
      assert.match(blocked.blockedBy?.message ?? '', /refuses a write: admission webhook "policy/)
      const stalled = blocked.conditions?.find(({ type }) => type === 'Stalled')
      assert.equal(stalled?.status, 'True')
      const told = cluster.announcements.filter((one) => one.announcement.reason === 'WriteRefused')
      assert.equal(told.length, 1)
      isRefusing = false
      // Any change of the Rollout has it tried at once; else it is after half a minute.
      await say(cluster, 'denied', 'promote')
      await isPromoted(cluster, 'denied')
      assert.equal((await cluster.rollout('denied'))?.blockedBy, undefined)
    })
  }

  it('answers many writes with a conflict: the release takes longer and is promoted', async () => {
    let writes = 0
    const storm = async <T>(write: () => Promise<T>): Promise<T> => {
      writes += 1
      if (writes % 4 === 1) {
        throw new ApiError({ code: 409, reason: 'Conflict', message: 'it was modified' })
      }
      return write()
    }
    await using cluster = await startCluster({
      before: (api) => ({
        ...api,
        create: (...given) => storm(() => api.create(...given)),
        replace: (...given) => storm(() => api.replace(...given)),
        patch: (...given) => storm(() => api.patch(...given)),
      }),
    })
    await onTrial(cluster, 'stormy')
    await say(cluster, 'stormy', 'promote')
    await isPromoted(cluster, 'stormy')
  })
})

interface Trial {
  readonly stable: string
  readonly canary: string
}

/** Until the first step of a release has its weight. */
async function onTrial(cluster: Cluster, name: string): Promise<Trial> {
  await cluster.api.create(rollouts, rolloutNamed(name))
  const stable = await cluster.until(`${name} is stable`, async () => stableOf(cluster, name))
  await release(cluster, name)
  const canary = await cluster.until(`${name} is on trial`, async () => {
    const status = await cluster.rollout(name)
    return status?.blockedBy?.reason === 'Approval' ? status.canary?.revision : null
  })
  return { stable, canary }
}

async function release(cluster: Cluster, name: string): Promise<void> {
  const spec = { template: templateOf(name, 'v2') }
  await cluster.api.patch(rollouts, { namespace, name }, 'merge', { spec })
}

async function isPromoted(cluster: Cluster, name: string): Promise<void> {
  await cluster.until(`${name} is promoted`, async () => {
    const history = (await cluster.rollout(name))?.history ?? []
    return history[0]?.outcome === 'Promoted' && (await stableOf(cluster, name))
  })
}

async function stableOf(cluster: Cluster, name: string): Promise<string | null> {
  const status = await cluster.rollout(name)
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return ready?.status === 'True' ? (status?.stable?.revision ?? null) : null
}

async function say(cluster: Cluster, name: string, verb: string): Promise<void> {
  const command = { id: `${verb}-1`, by: 'ada', at: new Date().toISOString() }
  const annotations = { [`sluice.dev/${verb}`]: JSON.stringify(command) }
  await cluster.api.patch(rollouts, { namespace, name }, 'merge', { metadata: { annotations } })
}

function read(cluster: Cluster, resource: Resource, name: string): Promise<KubeObject> {
  return cluster.api.get(resource, { namespace, name })
}

function weightsOf({ spec }: KubeObject): Record<string, number> {
  const rule = spec.http.find(({ name }: { name: string }) => name === 'sluice')
  return Object.fromEntries(
    rule.route.map((one: { destination: { subset: string }; weight: number }) => [
      one.destination.subset,
      one.weight,
    ]),
  )
}

function rolloutNamed(name: string): KubeObject {
  return {
    apiVersion: rollouts.apiVersion,
    kind: 'Rollout',
    metadata: { name, namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: templateOf(name, 'v1'),
      traffic: { istio: { host: name }, settle: '20ms', drain: '20ms' },
      canary: { steps },
    },
  }
}

function templateOf(name: string, version: string): Record<string, unknown> {
  const container = { name: 'app', image: `lab/app:${version}`, ports: [{ containerPort: 8080 }] }
  return { metadata: { labels: { app: name } }, spec: { containers: [container] } }
}
