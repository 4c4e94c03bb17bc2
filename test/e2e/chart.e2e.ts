// The chart, installed as people install it; and what its account may do against what the controller did.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { KubeObject, Resource } from '../../kube/api.ts'
import { chartFolder, helm, renderChart } from './chart.ts'
import { connectTo, currentControlPlane } from './current.ts'
import { renderKubeconfig } from './kubeconfig.ts'

const variants: readonly (readonly [name: string, values: readonly string[], kinds: string[]])[] = [
  [
    'as it comes',
    [],
    [
      'ClusterRole',
      'ClusterRole',
      'Deployment',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'Role',
      'Role',
      'RoleBinding',
      'RoleBinding',
      'Service',
      'ServiceAccount',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ],
  ],
  [
    'for the whole cluster, alone, watched by Prometheus',
    [
      'scope.clusterWide=true',
      'replicas=1',
      'metrics.serviceMonitor.enabled=true',
      'roles.aggregate=true',
    ],
    [
      'ClusterRole',
      'ClusterRole',
      'ClusterRole',
      'ClusterRoleBinding',
      'Deployment',
      'NetworkPolicy',
      'Role',
      'RoleBinding',
      'Service',
      'ServiceAccount',
      'ServiceMonitor',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ],
  ],
  [
    'under a user who may only work in the namespace',
    ['commands.policy=false', 'roles.create=false', 'networkPolicy.enabled=false'],
    [
      'Deployment',
      'PodDisruptionBudget',
      'Role',
      'Role',
      'RoleBinding',
      'RoleBinding',
      'Service',
      'ServiceAccount',
    ],
  ],
]

for (const [name, values, kinds] of variants) {
  test(`the chart ${name} makes its objects, and no right is a wildcard or reads Secrets`, async (t) => {
    const plane = await currentControlPlane()
    if (plane.helm === null) return t.skip('there is no helm')
    const objects = await renderChart(plane, { namespace: 'sluice-system', values })
    assert.deepEqual(objects.map(({ kind }) => kind).sort(), kinds)
    for (const { resources, verbs, apiGroups } of objects.flatMap(rulesOf)) {
      assert.ok(![...resources, ...verbs, ...apiGroups].includes('*'))
      assert.ok(!resources.includes('secrets'))
    }
  })
}

test('values outside of their schema are refused', async (t) => {
  const plane = await currentControlPlane()
  if (plane.helm === null) return t.skip('there is no helm')
  for (const value of ['replicas=0', 'scope.clusterwide=true', 'logLevel=loud', 'image.digest=x']) {
    await assert.rejects(renderChart(plane, { namespace: 'x', values: [value] }), /schema/, value)
  }
})

test('helm lints the chart, installs it under restricted pod security, upgrades and removes it', async (t) => {
  const plane = await currentControlPlane()
  if (plane.helm === null) return t.skip('there is no helm')
  const namespace = 'e2e-chart'
  const api = connectTo(plane)
  try {
    await helm(plane, ['lint', '--strict', chartFolder])
    await api.create(namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    })
    const at = ['-n', namespace, 'sluice', chartFolder]
    // Its pods are made by the real controllers and played by the node of the tests.
    await helm(plane, ['install', ...at, '--skip-crds', '--wait', '--timeout', '60s'])
    const deployment = await api.get(deployments, { namespace, name: 'sluice' })
    assert.equal(deployment['status'].readyReplicas, 2)
    await helm(plane, ['upgrade', ...at, '--set', 'replicas=1', '--wait', '--timeout', '60s'])
    await helm(plane, ['uninstall', '-n', namespace, 'sluice', '--wait'])
    const { items } = await api.list(deployments, { namespace })
    assert.deepEqual(items, [])
  } finally {
    await api.delete(namespaces, { name: namespace }).catch(() => undefined)
    await api.close()
  }
})

test('a user who may only do what the guide says installs, upgrades and removes the chart', async (t) => {
  const plane = await currentControlPlane()
  if (plane.helm === null) return t.skip('there is no helm')
  const namespace = 'e2e-installer'
  const api = connectTo(plane)
  try {
    const metadata = { name: namespace }
    await api.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata })
    const role = await installerRole()
    await api.create(roles, { ...role, metadata: { ...role.metadata, namespace } })
    await api.create(roleBindings, {
      ...{ apiVersion: role.apiVersion, kind: 'RoleBinding', metadata: { namespace, name: 'ada' } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role.metadata.name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ada' }],
    })
    const kubeconfigPath = join(plane.directory, 'installer.kubeconfig')
    const token = plane.userTokens['ada'] ?? ''
    await writeFile(kubeconfigPath, renderKubeconfig({ ...plane, token, namespace }), {
      mode: 0o600,
    })
    const asUser = (...args: string[]) => helm({ ...plane, kubeconfigPath }, args)
    const at = ['-n', namespace, 'sluice', chartFolder, '--skip-crds', '--wait', '--timeout', '60s']
    await assert.rejects(asUser('install', ...at), /cannot get resource "(clusterroles|validating)/)
    const narrow = ['--set', 'commands.policy=false', '--set', 'roles.create=false']
    await asUser('install', ...at, ...narrow)
    const deployment = await api.get(deployments, { namespace, name: 'sluice' })
    assert.equal(deployment['status'].readyReplicas, 2)
    await asUser('upgrade', ...at, ...narrow, '--set', 'replicas=1')
    await asUser('uninstall', '-n', namespace, 'sluice', '--wait')
    assert.deepEqual((await api.list(deployments, { namespace })).items, [])
  } finally {
    await api.delete(namespaces, { name: namespace }).catch(() => undefined)
    await api.close()
  }
})

/** The Role of the guide, word by word. */
async function installerRole(): Promise<KubeObject> {
  const page = await readFile(join(chartFolder, '..', '..', 'docs', 'guides', 'install.md'), 'utf8')
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
  return parse(text)
}

const rbac = 'rbac.authorization.k8s.io/v1'
const roles: Resource = { apiVersion: rbac, kind: 'Role', plural: 'roles', namespaced: true }
const roleBindings: Resource = {
  apiVersion: rbac,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
}
const namespaces: Resource = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}
const deployments: Resource = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
}

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

function rulesOf(object: KubeObject): Rule[] {
  return object['rules'] ?? []
}
