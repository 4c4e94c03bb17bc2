// Every object of examples/ in, taken by a real API server as it stands: by its schemas and its rules, with no field
// that it does not know. SLUICE_MESH_CRDS names the definitions of the meshes.
import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import type { KubeApi, KubeObject, Resource } from '../../kube/api.ts'
import {
  analysisTemplates,
  configMaps,
  deployments,
  destinationRules,
  gitSources,
  rollouts,
  secrets,
  services,
  virtualServices,
} from '../../kube/resources.ts'
import { routeKinds } from '../../traffic/gateway-route.ts'
import { connectTo, currentControlPlane } from './current.ts'

const namespace = 'examples'
const folder = join(import.meta.dirname, '..', '..', 'examples')
const known: readonly Resource[] = [
  ...[analysisTemplates, configMaps, deployments, destinationRules, gitSources, rollouts, secrets],
  ...[services, virtualServices, ...Object.values(routeKinds)],
  of('sluice.dev/v1alpha1', 'Notification', 'notifications'),
  of('sluice.dev/v1alpha1', 'ClusterAnalysisTemplate', 'clusteranalysistemplates', false),
  of('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
]

test('a real API server takes every example and keeps every field of it', async (t) => {
  const api = connectTo(await currentControlPlane())
  const namespaces = of('v1', 'Namespace', 'namespaces', false)
  await api.create(namespaces, named('v1', 'Namespace', namespace))
  t.after(async () => {
    await api.delete(namespaces, { name: namespace })
    await api.close()
  })
  const paths = await Array.fromAsync(glob('*/*.yaml', { cwd: folder }))
  let count = 0
  for (const path of paths.sort()) {
    const text = await readFile(join(folder, path), 'utf8')
    for (const document of parseAllDocuments(text, { version: '1.1' })) {
      await t.test(`${path} ${document.get('kind')}`, () => takes(api, document.toJS()))
      count += 1
    }
  }
  assert.ok(count > 30, `${count} objects`)
})

/** Nothing is stored, so that the same names may stand in several folders. */
async function takes(api: KubeApi, object: KubeObject): Promise<void> {
  const { apiVersion, kind, metadata } = object
  const resource = known.find((one) => one.apiVersion === apiVersion && one.kind === kind)
  assert.ok(resource, `${apiVersion} ${kind} is in no list of this test`)
  const own = { ...object, metadata: { ...metadata, ...(resource.namespaced && { namespace }) } }
  const { metadata: _, ...body } = object
  const stored = await api.create(resource, own, { dryRun: true })
  assert.deepEqual(missing(body, stored, kind), [])
}

/** Paths of what was asked for and is not there: a server drops fields that it does not know. */
function missing(wanted: unknown, stored: unknown, path: string): string[] {
  if (typeof wanted !== 'object' || wanted === null) return stored === undefined ? [path] : []
  return Object.entries(wanted).flatMap(([key, value]) =>
    missing(value, Object(stored)[key], `${path}.${key}`),
  )
}

function of(apiVersion: string, kind: string, plural: string, namespaced = true): Resource {
  return { apiVersion, kind, plural, namespaced }
}

function named(apiVersion: string, kind: string, name: string): KubeObject {
  return { apiVersion, kind, metadata: { name } }
}
