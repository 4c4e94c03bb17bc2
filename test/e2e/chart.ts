// Values in, what the chart makes of them out, and the account that it gives the controller.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import type { KubeApi, KubeObject, Resource } from '../../kube/api.ts'
import type { Description } from './current.ts'
import { renderKubeconfig } from './kubeconfig.ts'

const run = promisify(execFile)

export const chartFolder = join(import.meta.dirname, '..', '..', 'charts', 'sluice')

/** Runs helm against the control plane; gives what it prints. Rejects with what it complains about. */
export async function helm(plane: Description, args: readonly string[]): Promise<string> {
  if (plane.helm === null) throw new Error('there is no helm')
  const flags = [`--kubeconfig=${plane.kubeconfigPath}`, ...args]
  const { stdout } = await run(plane.helm, flags, {
    timeout: 120_000,
    maxBuffer: 16 * 1024 * 1024,
    env: { HOME: plane.directory, PATH: process.env['PATH'] },
  })
  return stdout
}

export interface Rendering {
  readonly namespace: string
  readonly release?: string
  /** As after `--set`. */
  readonly values?: readonly string[]
}

export async function renderChart(plane: Description, rendering: Rendering): Promise<KubeObject[]> {
  const { namespace, release = 'sluice', values = [] } = rendering
  const set = values.flatMap((value) => ['--set', value])
  const text = await helm(plane, ['template', release, chartFolder, '-n', namespace, ...set])
  return parseAllDocuments(text).flatMap((document) => {
    const object: KubeObject | null = document.toJS()
    return object === null ? [] : [object]
  })
}

const rbac = 'rbac.authorization.k8s.io/v1'
const admission = 'admissionregistration.k8s.io/v1'

/** Kinds of the chart that give or take rights. */
const access: Readonly<Record<string, Resource>> = {
  ServiceAccount: of('v1', 'ServiceAccount', 'serviceaccounts'),
  Role: of(rbac, 'Role', 'roles'),
  RoleBinding: of(rbac, 'RoleBinding', 'rolebindings'),
  ClusterRole: ofCluster(rbac, 'ClusterRole', 'clusterroles'),
  ClusterRoleBinding: ofCluster(rbac, 'ClusterRoleBinding', 'clusterrolebindings'),
  ValidatingAdmissionPolicy: ofCluster(
    admission,
    'ValidatingAdmissionPolicy',
    'validatingadmissionpolicies',
  ),
  ValidatingAdmissionPolicyBinding: ofCluster(
    admission,
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
  ),
}

export const componentOf = ({ metadata }: KubeObject): string =>
  metadata.labels?.['app.kubernetes.io/component'] ?? ''

/** Grants what the chart grants to the controller, or to people. */
export async function applyChart(
  plane: Description,
  api: KubeApi,
  { component, ...rendering }: Rendering & { readonly component: 'controller' | 'people' },
): Promise<void> {
  for (const object of await renderChart(plane, rendering)) {
    const resource = access[object.kind]
    if (!resource || componentOf(object) !== component) continue
    await api.patch(resource, object.metadata, 'apply', object, { force: true })
  }
}

export interface Access {
  readonly kubeconfigPath: string
  /** Names the token in the audit log. */
  readonly credential: string
}

/** A kubeconfig with a token of its own for the account of the chart, as each pod has one. */
export async function openAccess(
  plane: Description,
  namespace: string,
  name: string,
): Promise<Access> {
  const token = await requestToken(plane, namespace)
  const kubeconfigPath = join(plane.directory, namespace, `${name}.kubeconfig`)
  await writeFile(kubeconfigPath, renderKubeconfig({ ...plane, token, namespace }), { mode: 0o600 })
  const [, claims = ''] = token.split('.')
  const { jti } = Claims.parse(JSON.parse(Buffer.from(claims, 'base64url').toString()))
  return { kubeconfigPath, credential: `JTI=${jti}` }
}

const Claims = z.object({ jti: z.string() })

const TokenRequest = z.object({ status: z.object({ token: z.string() }) })

/** A token as a pod of the account would have it. */
async function requestToken(plane: Description, namespace: string): Promise<string> {
  const { Agent, fetch } = await import('undici')
  const dispatcher = new Agent({ connect: { ca: plane.authority } })
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/sluice/token`
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  const response = await fetch(plane.url + path, {
    method: 'POST',
    dispatcher,
    headers: { authorization: `Bearer ${plane.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = await response.json()
  await dispatcher.close()
  if (!response.ok) throw new Error(`no token for ${namespace}/sluice: ${response.status}`)
  return TokenRequest.parse(answer).status.token
}

function of(apiVersion: string, kind: string, plural: string): Resource {
  return { apiVersion, kind, plural, namespaced: true }
}

function ofCluster(apiVersion: string, kind: string, plural: string): Resource {
  return { ...of(apiVersion, kind, plural), namespaced: false }
}
