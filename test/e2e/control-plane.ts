// Programs in, a real control plane on loopback out: etcd, API server with RBAC, controller manager.
//
//   admin, users (tokens) ──▶ kube-apiserver ──▶ etcd
//   kube-controller-manager ──▶     ▲
//                     lab's node ───┘   pods are HTTP servers of this process: there is no kubelet
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Binaries } from './binaries.ts'
import { renderKubeconfig } from './kubeconfig.ts'
import { type Program, startProgram } from './program.ts'
import { untilReady } from './readiness.ts'

export interface ControlPlaneOptions {
  readonly binaries: Binaries
  /** Existing and empty; takes keys, data, logs and kubeconfigs. */
  readonly directory: string
  /** People besides the administrator, by name, with their groups. */
  readonly users?: Readonly<Record<string, readonly string[]>>
}

export interface ControlPlane {
  readonly url: string
  readonly etcdUrl: string
  /** Of the administrator. */
  readonly kubeconfigPath: string
  readonly token: string
  /** PEM of the authority that signed the server's certificate. */
  readonly authority: string
  readonly hasControllerManager: boolean
  /** Every request, one JSON line each. */
  readonly auditLogPath: string
  readonly startSeconds: number
  /** A kubeconfig for one of `users` or for a token of a service account. */
  writeKubeconfig(name: string, token: string, namespace?: string): Promise<string>
  readonly userTokens: Readonly<Record<string, string>>
  close(): Promise<void>
}

const administrator = 'admin'
const managerUser = 'system:kube-controller-manager'
const serviceRange = '10.96.0.0/16'

/** Controllers that rollouts and the chart meet; the rest needs nodes or a cloud. */
const controllers = [
  'garbage-collector-controller',
  'namespace-controller',
  'replicaset-controller',
  'deployment-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
  'endpointslice-controller',
  'disruption-controller',
  'validatingadmissionpolicy-status-controller',
  'clusterrole-aggregation-controller',
]

/** Who asked for what, when it was answered; nobody writes more than service accounts of the tests. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  omitManagedFields: true,
  rules: [
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system', 'system:masters'] },
    { level: 'None', users: [managerUser, 'system:apiserver'] },
    { level: 'Metadata' },
  ],
}

const auditLog = (directory: string) => join(directory, 'audit.log')

/** Rejects, with nothing left running and the end of the log in the message, when a part does not start. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { binaries, directory, users = {} } = options
  const startedAtMs = Date.now()
  const stack = new AsyncDisposableStack()
  const begin = (name: string, path: string, flags: readonly string[]): Program => {
    const program = startProgram({ path, flags, logPath: join(directory, `${name}.log`) })
    stack.defer(() => program.stop())
    return program
  }
  try {
    const tokens = await writeSecrets(directory, users)
    const [etcdPort, peerPort, port] = await freePorts(3)
    const etcdUrl = `http://127.0.0.1:${etcdPort}`
    const peerUrl = `http://127.0.0.1:${peerPort}`
    const etcd = begin('etcd', binaries.etcd, etcdFlags({ directory, etcdUrl, peerUrl }))
    await untilReady({ what: 'etcd', url: `${etcdUrl}/health`, program: etcd })
    const url = `https://127.0.0.1:${port}`
    const flags = apiServerFlags({ directory, etcdUrl, port: Number(port) })
    const apiServer = begin('kube-apiserver', binaries.apiServer, flags)
    const token = tokens[administrator] ?? ''
    const authorityOf = () => readAuthority(directory)
    await untilReady({
      what: 'kube-apiserver',
      url: `${url}/readyz`,
      program: apiServer,
      token,
      authorityOf,
    })
    const authority = await authorityOf()
    const writeKubeconfig = async (name: string, ownToken: string, namespace = 'default') => {
      const path = join(directory, `${name.replaceAll(':', '-')}.kubeconfig`)
      const text = renderKubeconfig({ url, authority, token: ownToken, namespace })
      await writeFile(path, text, { mode: 0o600 })
      return path
    }
    const kubeconfigPath = await writeKubeconfig(administrator, token)
    if (binaries.controllerManager) {
      const kubeconfig = await writeKubeconfig(managerUser, tokens[managerUser] ?? '')
      await writeFile(join(directory, 'authority.crt'), authority)
      const managerFlags = controllerManagerFlags(directory, kubeconfig)
      const program = begin('kube-controller-manager', binaries.controllerManager, managerFlags)
      // Its first visible deed; pods are refused without it.
      const account = `${url}/api/v1/namespaces/default/serviceaccounts/default`
      const what = 'kube-controller-manager'
      await untilReady({ what, url: account, program, token, authorityOf })
    }
    return {
      url,
      etcdUrl,
      kubeconfigPath,
      token,
      authority,
      hasControllerManager: binaries.controllerManager !== null,
      auditLogPath: auditLog(directory),
      startSeconds: (Date.now() - startedAtMs) / 1000,
      writeKubeconfig,
      userTokens: Object.fromEntries(Object.keys(users).map((name) => [name, tokens[name] ?? ''])),
      close: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw new Error('starting a control plane', { cause: error })
  }
}

/** Keys of service accounts, and a token for each person: the file that the API server reads. */
async function writeSecrets(
  directory: string,
  users: Readonly<Record<string, readonly string[]>>,
): Promise<Record<string, string>> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const people = { [administrator]: ['system:masters'], [managerUser]: [], ...users }
  const tokens: Record<string, string> = {}
  const lines = Object.entries(people).map(([name, groups]) => {
    const token = randomBytes(24).toString('hex')
    tokens[name] = token
    return `${token},${name},${name},"${groups.join(',')}"`
  })
  const mode = { mode: 0o600 }
  await mkdir(join(directory, 'certificates'), { recursive: true })
  await writeFile(join(directory, 'accounts.key'), privateKey, mode)
  await writeFile(join(directory, 'audit.yaml'), stringify(auditPolicy))
  await writeFile(join(directory, 'accounts.pub'), publicKey, mode)
  await writeFile(join(directory, 'tokens.csv'), `${lines.join('\n')}\n`, mode)
  return tokens
}

function etcdFlags(given: { directory: string; etcdUrl: string; peerUrl: string }): string[] {
  const { directory, etcdUrl, peerUrl } = given
  return [
    '--name=e2e',
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=e2e=${peerUrl}`,
    // The data does not outlive the suite.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]
}

function apiServerFlags(given: { directory: string; etcdUrl: string; port: number }): string[] {
  const { directory, etcdUrl, port } = given
  return [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    // Without certificates given, the server makes an authority and a certificate of its own here.
    `--cert-dir=${join(directory, 'certificates')}`,
    '--authorization-mode=RBAC',
    '--anonymous-auth=false',
    `--audit-policy-file=${join(directory, 'audit.yaml')}`,
    `--audit-log-path=${auditLog(directory)}`,
    // Counted as one file.
    '--audit-log-maxsize=4000',
    `--token-auth-file=${join(directory, 'tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(directory, 'accounts.pub')}`,
    `--service-account-signing-key-file=${join(directory, 'accounts.key')}`,
    `--service-cluster-ip-range=${serviceRange}`,
    '--endpoint-reconciler-type=none',
    // Memory would serve pages that etcd has forgotten; many clusters do not have that yet.
    '--feature-gates=ListFromCacheSnapshot=false',
    '--profiling=false',
  ]
}

function controllerManagerFlags(directory: string, kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--controllers=${controllers.join(',')}`,
    `--service-account-private-key-file=${join(directory, 'accounts.key')}`,
    `--root-ca-file=${join(directory, 'authority.crt')}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    '--secure-port=0',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
    '--profiling=false',
  ]
}

/** The server writes its own certificate first and the authority that signed it last. */
async function readAuthority(directory: string): Promise<string> {
  const text = await readFile(join(directory, 'certificates', 'apiserver.crt'), 'utf8')
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g)
  const last = certificates?.at(-1)
  if (!last) throw new Error('the API server wrote no certificate')
  return last
}

/** Held all at once, so that no port is given twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, '127.0.0.1', resolve)
      })
      return server
    }),
  )
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
