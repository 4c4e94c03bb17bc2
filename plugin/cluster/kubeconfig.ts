// KUBECONFIG files and flags in, one target out: which server, how to trust it, who asks, which namespace.
// Several files merge as kubectl merges them: the first to name a thing wins. No secret is ever in an error.
import { readFileSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import { parse } from 'yaml'
import { Failure } from '../failure.ts'
import { compact, type Json, list, record, text, texts } from '../json.ts'
import { suggestion } from '../near.ts'

export interface Cluster {
  readonly server: string
  readonly caFile?: string
  readonly caData?: string
  readonly isInsecure: boolean
  readonly tlsServerName?: string
  readonly proxyUrl?: string
  /** What an exec plugin may be told: `extensions` named client.authentication.k8s.io/exec. */
  readonly execConfig?: unknown
}

export interface Exec {
  readonly apiVersion: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly installHint?: string
  readonly interactiveMode: 'Never' | 'IfAvailable' | 'Always'
  readonly providesClusterInfo: boolean
}

export interface User {
  readonly name: string
  readonly token?: string
  readonly tokenFile?: string
  readonly certFile?: string
  readonly certData?: string
  readonly keyFile?: string
  readonly keyData?: string
  readonly exec?: Exec
  /** Headers that make the server see another user. */
  readonly impersonation: Readonly<Record<string, string | string[]>>
}

export interface Target {
  readonly context: string
  readonly namespace: string
  readonly cluster: Cluster
  readonly user: User
}

export interface KubeconfigOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  /** `--kubeconfig`: this file alone, which must exist. */
  readonly path?: string | undefined
  readonly context?: string | undefined
}

/** Fails with a sentence when there is no context, or it names what does not exist. */
export function readTarget(options: KubeconfigOptions): Target {
  const { contexts, clusters, users, current } = merge(filesOf(options))
  const name = options.context ?? current
  if (!name) {
    throw new Failure(
      'no context is set: name one by --context, or kubectl config use-context; files come from KUBECONFIG or ~/.kube/config',
    )
  }
  const context = contexts.get(name)
  if (!context) {
    throw new Failure(`context "${name}" does not exist${suggestion(name, [...contexts.keys()])}`)
  }
  const clusterName = text(context.value['cluster']) ?? ''
  const cluster = clusters.get(clusterName)
  if (!cluster) throw new Failure(`context "${name}" names no known cluster: "${clusterName}"`)
  const userName = text(context.value['user']) ?? ''
  const user = users.get(userName)
  if (!user && userName) throw new Failure(`context "${name}" names no known user: "${userName}"`)
  return {
    context: name,
    namespace: text(context.value['namespace']) ?? 'default',
    cluster: readCluster(clusterName, cluster),
    user: readUser(userName, user ?? { value: {}, folder: '' }),
  }
}

/** Names of the contexts there are. */
export function contextNames(options: KubeconfigOptions): string[] {
  return [...merge(filesOf(options)).contexts.keys()]
}

/** An entry and the folder its relative paths start from. */
interface Entry {
  readonly value: Json
  readonly folder: string
}

interface Merged {
  readonly contexts: Map<string, Entry>
  readonly clusters: Map<string, Entry>
  readonly users: Map<string, Entry>
  readonly current: string | undefined
}

interface File {
  readonly path: string
  readonly content: Json
}

function merge(files: readonly File[]): Merged {
  const collect = (plural: string, singular: string) => {
    const found = new Map<string, Entry>()
    for (const { path, content } of files) {
      for (const item of list(content[plural]).map(record)) {
        const name = text(item['name'])
        if (name === undefined || found.has(name)) continue
        found.set(name, { value: record(item[singular]), folder: dirname(resolve(path)) })
      }
    }
    return found
  }
  return {
    contexts: collect('contexts', 'context'),
    clusters: collect('clusters', 'cluster'),
    users: collect('users', 'user'),
    current: files.map(({ content }) => text(content['current-context'])).find(Boolean),
  }
}

const fileLimit = 64

function filesOf({ env, home, path }: KubeconfigOptions): File[] {
  if (path !== undefined) return [readFile(path, true)].flatMap((file) => file ?? [])
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean)
  const paths = listed.length > 0 ? listed : [join(home, '.kube', 'config')]
  return paths.slice(0, fileLimit).flatMap((each) => readFile(each, false) ?? [])
}

function readFile(path: string, mustExist: boolean): File | null {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (code === 'ENOENT' && !mustExist) return null
    throw new Failure(`the kubeconfig ${path} cannot be read (${code})`, { cause })
  }
  try {
    return { path, content: record(parse(content, { version: '1.1', logLevel: 'error' })) }
  } catch {
    // The parser quotes the lines around an error, and they may hold secrets.
    throw new Failure(`the kubeconfig ${path} is not valid YAML`)
  }
}

function readCluster(name: string, { value, folder }: Entry): Cluster {
  const server = text(value['server'])
  if (!server || !URL.canParse(server) || !/^https?:/i.test(server)) {
    throw new Failure(`cluster "${name}" has no server with an http or https address`)
  }
  const extension = list(value['extensions'])
    .map(record)
    .find((one) => one['name'] === 'client.authentication.k8s.io/exec')
  return {
    server,
    isInsecure: value['insecure-skip-tls-verify'] === true,
    ...compact({
      caFile: located(value['certificate-authority'], folder),
      caData: text(value['certificate-authority-data']),
      tlsServerName: text(value['tls-server-name']),
      proxyUrl: text(value['proxy-url']),
      execConfig: extension?.['extension'],
    }),
  }
}

function readUser(name: string, { value, folder }: Entry): User {
  if (value['auth-provider'] !== undefined || text(value['username'])) {
    throw new Failure(
      `user "${name}" signs in by auth-provider or password, which kubectl-sluice does not do: use a token, a certificate or an exec plugin`,
    )
  }
  return {
    name,
    impersonation: readImpersonation(value),
    ...compact({
      token: text(value['token']),
      tokenFile: located(value['tokenFile'], folder),
      certFile: located(value['client-certificate'], folder),
      certData: text(value['client-certificate-data']),
      keyFile: located(value['client-key'], folder),
      keyData: text(value['client-key-data']),
      exec: value['exec'] === undefined ? undefined : readExec(record(value['exec']), folder),
    }),
  }
}

function readImpersonation(value: Json): User['impersonation'] {
  const headers: Record<string, string | string[]> = {}
  const user = text(value['as'])
  if (!user) return headers
  headers['impersonate-user'] = user
  const uid = text(value['as-uid'])
  if (uid) headers['impersonate-uid'] = uid
  const groups = list(value['as-groups']).flatMap((group) => text(group) ?? [])
  if (groups.length > 0) headers['impersonate-group'] = groups
  for (const [key, values] of Object.entries(record(value['as-user-extra']))) {
    const name = `impersonate-extra-${encodeURIComponent(key.toLowerCase())}`
    headers[name] = list(values).flatMap((one) => text(one) ?? [])
  }
  return headers
}

const modes = ['Never', 'IfAvailable', 'Always'] as const

function readExec(value: Json, folder: string): Exec {
  const command = text(value['command']) ?? ''
  const isPath = command.includes('/') || command.includes('\\')
  const env: Record<string, string> = {}
  for (const variable of list(value['env']).map(record)) {
    env[text(variable['name']) ?? ''] = text(variable['value']) ?? ''
  }
  delete env['']
  return {
    apiVersion: text(value['apiVersion']) ?? '',
    command: isPath && !isAbsolute(command) ? resolve(folder, command) : command,
    args: list(value['args']).map(String),
    env: texts(env),
    interactiveMode: modes.find((mode) => mode === value['interactiveMode']) ?? 'IfAvailable',
    providesClusterInfo: value['provideClusterInfo'] === true,
    ...compact({ installHint: text(value['installHint']) }),
  }
}

/** A path in a kubeconfig starts from the folder of that file. */
function located(value: unknown, folder: string): string | undefined {
  const path = text(value)
  return path === undefined || isAbsolute(path) ? path : resolve(folder, path)
}
