// What the account of the chart may do, against all that controllers did in the scenarios before this file.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../kube/api.ts'
import { type Deed, readDeeds } from './audit.ts'
import { componentOf, renderChart } from './chart.ts'
import { currentControlPlane } from './current.ts'
import { simulatedRights } from './simulated-rights.ts'

/** Granted, and not met in the scenarios: each with the reason why it is needed. */
const rare: Readonly<Record<string, string>> = {
  'events.k8s.io events patch': 'the same event again within minutes counts up the first one',
  'sluice.dev notifications/status patch': 'no scenario tells anybody',
  'gateway.networking.k8s.io httproutes delete': 'routes of other meshes go as that of Istio does',
  'gateway.networking.k8s.io grpcroutes delete': 'routes of other meshes go as that of Istio does',
  ...Object.fromEntries(
    ['get', 'watch', 'create', 'update', 'patch'].map((verb) => [
      `gateway.networking.k8s.io grpcroutes ${verb}`,
      'routes of gRPC are played under load, in a file after this one',
    ]),
  ),
  'sluice.dev rollouts/status patch':
    'a Rollout of an older schema that can not be read is said so',
}

test('the controller did only what the chart grants, and the chart grants only what it did', async (t) => {
  const plane = await currentControlPlane()
  if (plane.helm === null) return t.skip('there is no helm')
  const deeds = await readDeeds(plane.auditLogPath)
  if (deeds.length === 0) return t.skip('no scenario ran before')
  const refused = deeds.filter(({ code }) => code === 403)
  assert.deepEqual(refused, [])
  const simulated = await simulatedRights(Array.from({ length: seeds }, (_, i) => i + 1))
  const used = new Set([...deeds.flatMap(rightsOf), ...simulated])
  const objects = await renderChart(plane, { namespace: 'x', values: everything })
  const ofController = objects.filter((object) => componentOf(object) === 'controller')
  const granted = ofController.flatMap(grantsOf)
  const unused = granted.filter((right) => !used.has(right) && !rare[right])
  const missing = [...used].filter((right) => !granted.includes(right))
  assert.deepEqual({ unused, missing }, { unused: [], missing: [] })
  t.diagnostic(`${deeds.length} requests, ${used.size} rights used of ${new Set(granted).size}`)
})

const everything = [
  'scope.clusterWide=true',
  ...['gatewayApi', 'service', 'preview', 'inPlace'].map((name) => `mesh.${name}=true`),
  ...['configMaps', 'secrets', 'deployments', 'evictions'].map((name) => `workloads.${name}=true`),
]

/** Of the simulation, whose faults lead to rights that scenarios do not. */
const seeds = 100

/** An apply that makes an object needs the right to create it, too. */
function rightsOf({ group, resource, verb, code }: Deed): string[] {
  const verbs = verb === 'patch' && code === 201 ? ['patch', 'create'] : [verb]
  return verbs.map((one) => `${group} ${resource} ${one}`)
}

function grantsOf(object: KubeObject): string[] {
  const rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[] =
    object['rules'] ?? []
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${group} ${resource} ${verb}`)),
    ),
  )
}
