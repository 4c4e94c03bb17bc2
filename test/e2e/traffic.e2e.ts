// Every router under continuous load: promote, abort, supersede, controller killed, Rollout deleted. No request
// fails that the bad release did not fail by itself.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { services } from '../../kube/resources.ts'
import { currentControlPlane } from './current.ts'
import { findEnvoy } from './envoy/find.ts'
import { startEnvoyPlane } from './envoy/start.ts'
import { type DataPlane, type DataPlaneOptions, startLabPlane } from './traffic/data-plane.ts'
import { describeAccount, note, type Order, orderVariable, readOrder } from './traffic/order.ts'
import { play, whyWorthless } from './traffic/play.ts'
import { type RouterStory, routerStories } from './traffic/routers.ts'
import { type Origin, setTrafficStage } from './traffic/stage.ts'

interface Plane {
  readonly name: string
  readonly origin: Origin
  readonly order: Order
  readonly startPlane: (options: DataPlaneOptions) => Promise<DataPlane>
  readonly stories: readonly RouterStory[]
  readonly skip: string | false
}

const order = readOrder(process.env[orderVariable])
const envoy = await findEnvoy({ environment: process.env, mayInstall: order.isProof })
const stories = routerStories.filter((story) => story.name.includes(order.router))
/** One of each way in which Envoy is told, where time is short. */
const samples = new Set([
  'istio',
  'istio at the edge',
  'istio tcp',
  'istio tls',
  'gateway api',
  'gateway api grpc',
  'service blue-green',
])
const planes: readonly Plane[] = [
  { name: 'lab', origin: 'deployment', order, startPlane: startLabPlane, stories, skip: false },
  {
    name: 'envoy',
    origin: 'template',
    order,
    startPlane: async (options) => {
      if ('missing' in envoy) throw new Error(envoy.missing)
      const { directory: root } = await currentControlPlane()
      const directory = join(root, options.namespace, 'envoy')
      return startEnvoyPlane({ ...options, program: envoy.path, directory })
    },
    // The proxy of Linkerd is not Envoy.
    stories: stories.filter(
      ({ traffic, name }) =>
        traffic['linkerd'] === undefined &&
        (order.isProof || order.router !== '' || samples.has(name)),
    ),
    skip: 'missing' in envoy ? `NOT PROVEN HERE: ${envoy.missing}` : false,
  },
]

function originOf({ isFirstAtEdge, isTakenOverAtEdge }: RouterStory, origin: Origin): Origin {
  if (isFirstAtEdge) return 'template'
  return isTakenOverAtEdge ? 'deployment' : origin
}

for (const { name, origin, startPlane, stories: played, skip, order: asked } of planes) {
  describe(`traffic on the data plane of ${name}`, { concurrency: asked.atOnce, skip }, () => {
    for (const router of played) {
      test(`${router.name}: no request is dropped`, async (t) => {
        const plane = await currentControlPlane()
        const namespace = `traffic-${name}-${router.name.replaceAll(' ', '-')}`
        const from = originOf(router, origin)
        const stage = await setTrafficStage({ plane, router, origin: from, namespace, startPlane })
        try {
          const account = await play(stage, name, asked)
          await note(plane.directory, account)
          t.diagnostic(describeAccount(account))
          const worthless = account.failed > 0 ? whyWorthless(account) : null
          if (worthless !== null) {
            t.skip(`NOT PROVEN HERE, THE MACHINE IS TOO BUSY: ${worthless}`)
            return
          }
          const failed = account.chapters.filter((chapter) => chapter.failed > 0)
          if (failed.length > 0) t.diagnostic(JSON.stringify([failed, account.failures]))
          assert.deepEqual(failed, [], describeAccount(account))
          assert.equal(account.failed, 0)
          // Without a mesh, taking a pod away is what takes its traffic away: it serves on while it ends.
          if (router.route !== services) assert.equal(account.servedByRemoved, 0)
          assert.ok(account.requests >= asked.atLeast, `${account.requests} requests`)
        } catch (error) {
          t.diagnostic(await stage.tail())
          throw error
        } finally {
          await stage.close()
        }
      })
    }
  })
}
