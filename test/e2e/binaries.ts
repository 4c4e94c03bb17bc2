// The environment in, paths of the programs of a real control plane out. Looked for where envtest looks,
// then built once by a Go toolchain from tools/go.mod into a cache folder, etcd also taken from PATH.
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type Program = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'helm'

export interface Binaries {
  readonly etcd: string
  readonly apiServer: string
  /** Without it nothing collects garbage and no ReplicaSet makes pods. */
  readonly controllerManager: string | null
  readonly helm: string | null
  /** Where each was found, for people. */
  readonly origins: Readonly<Record<string, string>>
  /** Seconds spent building now; 0 when all was there. */
  readonly buildSeconds: number
}

export interface SearchOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Told of progress, line by line. */
  readonly onProgress: (line: string) => void
  /** Builds again what the cache has. */
  readonly isCold?: boolean
  /** Default true: builds what is missing, where Go is there. */
  readonly mayBuild?: boolean
}

interface Found {
  readonly path: string
  readonly origin: string
}

const toolsFolder = join(import.meta.dirname, 'tools')
const buildLimitMs = 3 * 3_600_000
const progressIntervalMs = 30_000

const packages: Readonly<Record<Program, string>> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  helm: 'helm.sh/helm/v3/cmd/helm',
}

/** Gives a sentence when no API server can be had on this machine. */
export async function findBinaries(options: SearchOptions): Promise<Binaries | string> {
  const startedAtMs = Date.now()
  const cache = await cacheFolder(options.environment)
  const found = new Map<Program, Found>()
  for (const program of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'helm'] as const) {
    const one = named(program, options) ?? (await built(program, cache, options))
    if (one) found.set(program, one)
    // Without an API server the rest is of no use, and a build of it takes long.
    if (!one && program === 'kube-apiserver') break
  }
  const [etcd, apiServer] = [found.get('etcd'), found.get('kube-apiserver')]
  if (!etcd || !apiServer) {
    const missing = etcd ? 'kube-apiserver' : 'etcd'
    return `no ${missing}: set KUBEBUILDER_ASSETS to a folder that has it, or install Go 1.24 or newer`
  }
  return {
    etcd: etcd.path,
    apiServer: apiServer.path,
    controllerManager: found.get('kube-controller-manager')?.path ?? null,
    helm: found.get('helm')?.path ?? null,
    origins: Object.fromEntries([...found].map(([program, { origin }]) => [program, origin])),
    buildSeconds: Math.round((Date.now() - startedAtMs) / 1000),
  }
}

/** What the environment names: `TEST_ASSET_…` for one program, `KUBEBUILDER_ASSETS` for a folder. */
function named(program: Program, { environment }: SearchOptions): Found | null {
  const variable = `TEST_ASSET_${program.toUpperCase().replaceAll('-', '_')}`
  const assets = environment['KUBEBUILDER_ASSETS']
  const places: [string | undefined, string][] = [
    [environment[variable], variable],
    [assets && join(assets, program), 'KUBEBUILDER_ASSETS'],
  ]
  for (const [path, origin] of places) if (path && existsSync(path)) return { path, origin }
  return null
}

async function built(
  program: Program,
  cache: string,
  options: SearchOptions,
): Promise<Found | null> {
  const path = join(cache, program)
  if (existsSync(path) && !options.isCold) return { path, origin: 'cache' }
  if (options.mayBuild !== false && (await hasGo())) {
    if (await build(program, path, options)) return { path, origin: 'built' }
  }
  return onPath(program, options)
}

/** etcd and helm do their work in any recent version; Debian packages etcd as `etcd-server`. */
function onPath(program: Program, { environment }: SearchOptions): Found | null {
  if (program !== 'etcd' && program !== 'helm') return null
  const folders = (environment['PATH'] ?? '').split(delimiter)
  const path = folders.map((folder) => join(folder, program)).find((file) => existsSync(file))
  return path === undefined ? null : { path, origin: 'PATH' }
}

async function build(program: Program, path: string, options: SearchOptions): Promise<boolean> {
  const { onProgress } = options
  const startedAtMs = Date.now()
  const seconds = () => Math.round((Date.now() - startedAtMs) / 1000)
  onProgress(`building ${program} from test/e2e/tools/go.mod; the result is kept in ${path}`)
  const timer = setInterval(
    () => onProgress(`still building ${program} after ${seconds()} s`),
    progressIntervalMs,
  )
  // A build that was interrupted, or one beside this one, never leaves half a program behind.
  const part = `${path}.${process.pid}.part`
  try {
    await mkdir(join(path, '..'), { recursive: true })
    const flags = ['-trimpath', `-ldflags=${await linkerFlags()}`, '-o', part]
    const problem = await go(['build', ...flags, packages[program]], options.environment)
    if (problem !== null) {
      onProgress(`building ${program} failed: ${problem}`)
      return false
    }
    await rename(part, path)
    onProgress(`built ${program} in ${seconds()} s`)
    return true
  } finally {
    clearInterval(timer)
    await rm(part, { force: true })
  }
}

/** Null, or why it failed. */
function go(args: readonly string[], environment: SearchOptions['environment']) {
  const child = spawn('go', [...args], {
    cwd: toolsFolder,
    timeout: buildLimitMs,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...environment, CGO_ENABLED: '0' },
  })
  let tail = ''
  child.stderr.on('data', (chunk) => {
    tail = (tail + String(chunk)).slice(-2_000)
  })
  return new Promise<string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) =>
      resolve(code === 0 ? null : `${signal ?? `exit code ${code}`}\n${tail}`),
    )
  })
}

/** Built outside their release machinery, Kubernetes would call itself v0.0.0 and helm would expect 1.20. */
async function linkerFlags(): Promise<string> {
  const text = await readFile(join(toolsFolder, 'go.mod'), 'utf8')
  const versionOf = (module: string): string => {
    const found = new RegExp(`^\\t${module} v(\\S+)`, 'm').exec(text)?.[1]
    if (!found) throw new Error(`test/e2e/tools/go.mod names no version of ${module}`)
    return found
  }
  const kubernetes = versionOf('k8s.io/kubernetes')
  const [major = '', minor = ''] = kubernetes.split('.')
  const values = {
    'k8s.io/component-base/version.gitVersion': `v${kubernetes}`,
    'k8s.io/component-base/version.gitMajor': major,
    'k8s.io/component-base/version.gitMinor': minor,
    'helm.sh/helm/v3/internal/version.version': `v${versionOf('helm.sh/helm/v3')}`,
    'helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor': major,
    'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor': minor,
    'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor': major,
    'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor': minor,
  }
  return ['-s -w', ...Object.entries(values).map(([name, value]) => `-X ${name}=${value}`)].join(
    ' ',
  )
}

async function hasGo(): Promise<boolean> {
  return run('go', ['version']).then(
    () => true,
    () => false,
  )
}

/** One folder for each set of versions. */
async function cacheFolder(environment: SearchOptions['environment']): Promise<string> {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(toolsFolder, file)))
  const home = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(home, 'sluice', 'e2e-tools', hash.digest('hex').slice(0, 16))
}
