// Programs in, a cluster for a fleet out: a real API server, namespaces, the chart's rights for all of them.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { KubeApi, Resource } from '../../../kube/api.ts'
import { type Deed, readDeeds } from '../../e2e/audit.ts'
import type { Binaries } from '../../e2e/binaries.ts'
import { applyChart, openAccess } from '../../e2e/chart.ts'
import { type ControlPlane, startControlPlane } from '../../e2e/control-plane.ts'
import { connectTo } from '../../e2e/current.ts'
import { install, readDefinitions } from '../../e2e/definitions.ts'
import { type Measured, startMeasured } from './process.ts'
import { namespaces } from './rollouts.ts'

export interface Stage {
  readonly api: KubeApi
  startController(prometheusUrl: string): Promise<Measured>
  /** What the controller asked since a time, ms since epoch, without watches and its lease. */
  deeds(sinceMs: number): Promise<Deed[]>
}

const home = 'sluice-system'
const scrapeInterval = '1s'

export async function setStage(
  stack: AsyncDisposableStack,
  given: { readonly binaries: Binaries; readonly directory: string },
): Promise<Stage> {
  const { directory } = given
  // Pods are played: the real controllers would only take processor time from the one that is measured.
  const binaries = { ...given.binaries, controllerManager: null }
  const plane = await startControlPlane({ binaries, directory })
  stack.defer(() => plane.close())
  const api = connectTo(plane)
  stack.defer(() => api.close())
  await install(api, await readDefinitions(process.env['SLUICE_MESH_CRDS']))
  for (const name of [home, ...namespaces]) await makeNamespace(api, name)
  const description = { ...plane, directory, helm: binaries.helm }
  await applyChart(description, api, {
    namespace: home,
    component: 'controller',
    values: ['scope.clusterWide=true'],
  })
  await mkdir(join(directory, home))
  let count = 0
  return {
    api,
    async startController(prometheusUrl) {
      count += 1
      const name = `controller-${count}`
      const { kubeconfigPath } = await openAccess(description, home, name)
      const flags = [
        ['--kubeconfig', kubeconfigPath],
        ['--prometheus', prometheusUrl],
        ['--scrape-interval', scrapeInterval],
        ['--git-directory', join(directory, 'mirrors')],
        ['--listen', '127.0.0.1:0'],
        ['--lease-namespace', home],
        ['--identity', name],
      ].flat()
      const measured = await startMeasured({ flags, logPath: join(directory, `${name}.log`) })
      stack.defer(() => measured.stop())
      return measured
    },
    deeds: (sinceMs) => deedsOf(plane, sinceMs),
  }
}

async function deedsOf({ auditLogPath }: ControlPlane, sinceMs: number): Promise<Deed[]> {
  const all = await readDeeds(auditLogPath)
  return all.filter(
    ({ atMs, verb, resource }) => atMs >= sinceMs && verb !== 'watch' && resource !== 'leases',
  )
}

/** Pods are admitted only where there is an account for them. */
async function makeNamespace(api: KubeApi, name: string): Promise<void> {
  await api.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const metadata = { name: 'default', namespace: name }
  await api.create(accountKind, { apiVersion: 'v1', kind: 'ServiceAccount', metadata })
}

const namespaceKind: Resource = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}
const accountKind: Resource = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
}
