// A control plane in, a team under way out: a namespace with a service, its mesh and metrics, a repository,
// callers, and controllers as processes of their own.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { isConflict, type KubeApi, type Resource } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { gitSources, rollouts, services } from '../../kube/resources.ts'
import { type ControllerProcess, startController } from '../../lab/demo/controller-process.ts'
import { createTeamRepository, type TeamRepository } from '../../lab/demo/repository.ts'
import { type Load, startLoad } from '../../lab/load/start.ts'
import { startMesh } from '../../lab/mesh/start.ts'
import { startMetrics } from '../../lab/metrics/start.ts'
import { createRandom } from '../../lab/random.ts'
import { applyChart, openAccess } from './chart.ts'
import { connectTo, currentControlPlane, type Description } from './current.ts'
import { type Observer, observe } from './observer.ts'
import { path, rolloutText, templatePath, templateText, type Wanted } from './rollout-text.ts'

export interface Stage {
  readonly plane: Description
  readonly api: KubeApi
  readonly namespace: string
  readonly repository: TeamRepository
  readonly observer: Observer
  readonly load: Load
  /**
   * Starts one more controller under the account of the chart, or as the administrator where there is no
   * helm. Its name is its identity in the Lease.
   */
  controller(name: string): Promise<Controller>
  /** Commits the Rollout; gives the commit. */
  commit(wanted: Omit<Wanted, 'namespace'>): Promise<string>
}

export type Controller = ControllerProcess & {
  /** Names its token in the audit log; empty for the administrator. */
  readonly credential: string
}

const scrapeIntervalMs = 250
const requestsPerSecond = 150
const namespaces: Resource = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}

/** The namespace must be new: each scenario has its own. All ends with the test. */
export async function setStage(t: Pick<TestContext, 'after'>, namespace: string): Promise<Stage> {
  const plane = await currentControlPlane()
  const directory = join(plane.directory, namespace)
  await mkdir(directory)
  const stack = new AsyncDisposableStack()
  t.after(() => stack.disposeAsync())
  const api = connectTo(plane)
  stack.defer(() => api.close())
  await api.create(namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  })
  await untilPodsAreAdmitted(api, namespace)
  if (plane.helm !== null) await applyChart(plane, api, { namespace, component: 'controller' })
  const repository = await commission(api, namespace, directory)
  const prometheus = await startMeasured(api, namespace, stack)
  const observer = observe(api, namespace)
  stack.defer(() => observer.close())
  stack.defer(() => cleanUp(api, namespace))
  const load = startLoad({
    url: prometheus.meshUrl,
    clock: systemClock,
    hosts: [{ host: `checkout.${namespace}`, requestsPerSecond }],
  })
  stack.defer(() => load.stop())
  return {
    ...{ plane, api, namespace, repository, observer, load },
    async controller(name) {
      const access =
        plane.helm === null
          ? { kubeconfigPath: plane.kubeconfigPath, credential: '' }
          : await openAccess(plane, namespace, name)
      const process = startController({
        logPath: join(directory, `${name}.log`),
        flags: [
          ['--kubeconfig', access.kubeconfigPath],
          ['--prometheus', prometheus.url],
          ['--scrape-interval', `${scrapeIntervalMs}ms`],
          ['--git-directory', join(directory, `mirrors-${name}`)],
          ['--listen', '127.0.0.1:0'],
          ['--namespace', namespace],
          ['--lease-namespace', namespace],
          ['--identity', name],
        ].flat(),
      })
      stack.defer(() => process.stop())
      return { ...process, credential: access.credential }
    },
    commit: (wanted) =>
      repository.commit(`checkout: release ${wanted.version}`, {
        [path]: rolloutText({ ...wanted, namespace }),
        [templatePath]: templateText(namespace, wanted.version),
      }),
  }
}

/** What a platform team sets up once. */
async function commission(
  api: KubeApi,
  namespace: string,
  directory: string,
): Promise<TeamRepository> {
  const repository = await createTeamRepository(directory)
  await api.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'checkout', namespace },
    spec: { selector: { app: 'checkout' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  })
  await api.create(gitSources, {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'GitSource',
    metadata: { name: 'team', namespace },
    spec: {
      repository: repository.url,
      branch: 'main',
      include: ['apps/**/*.yaml'],
      schedule: '* * * * * *',
    },
  })
  return repository
}

async function startMeasured(
  api: KubeApi,
  namespace: string,
  stack: AsyncDisposableStack,
): Promise<{ readonly url: string; readonly meshUrl: string }> {
  const mesh = await startMesh({
    api,
    clock: systemClock,
    random: createRandom(2),
    source: { workload: 'load', namespace },
  })
  stack.defer(() => mesh.close())
  const target = { url: mesh.metricsUrl, labels: { job: 'mesh', instance: 'load' } }
  const metrics = await startMetrics({
    targets: () => [target],
    scrapeIntervalMs,
    only: 'embedded',
  })
  stack.defer(() => metrics.close())
  return { url: metrics.url, meshUrl: mesh.url }
}

/** Pods need the service account that a controller makes for each namespace. */
async function untilPodsAreAdmitted(api: KubeApi, namespace: string): Promise<void> {
  const accounts: Resource = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    namespaced: true,
  }
  const deadlineAtMs = Date.now() + 15_000
  for (;;) {
    const { items } = await api.list(accounts, { namespace })
    if (items.length > 0) return
    if (Date.now() > deadlineAtMs) throw new Error(`namespace ${namespace} has no service account`)
    await systemClock.sleep(50)
  }
}

/** Leaves no pods behind that the next scenario would pay for. */
async function cleanUp(api: KubeApi, namespace: string): Promise<void> {
  const { items } = await api.list(rollouts, { namespace })
  for (const { metadata } of items) {
    const body = { metadata: { finalizers: null } }
    await api.patch(rollouts, metadata, 'merge', body).catch((error: unknown) => {
      if (!isConflict(error)) throw error
    })
  }
  await api.delete(namespaces, { name: namespace })
}
