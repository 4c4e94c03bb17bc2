// An exec entry of a kubeconfig in, the credentials its program prints out (client.authentication.k8s.io).
import { spawn } from 'node:child_process'
import { Failure } from '../failure.ts'
import { compact, record, text } from '../json.ts'
import type { Cluster, Exec } from './kubeconfig.ts'

export interface ExecCredentials {
  readonly token?: string
  readonly cert?: string
  readonly key?: string
}

export interface ExecOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Standard input is a terminal, so a person can answer. */
  readonly isInteractive: boolean
  /** The authority of the cluster, in PEM, for plugins that ask for it. */
  readonly ca?: string | undefined
  readonly printError: (text: string) => void
  /** After how long people are told that it is waited for, and after how long no more. */
  readonly limits?: { readonly toldMs: number; readonly endedMs: number } | undefined
}

const apiVersions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']
const toldMs = 10_000
/** A person may have to sign in by a browser meanwhile; without one there is less to wait for. */
const endedMs = { person: 300_000, nobody: 60_000 }
const outputLimitBytes = 1024 * 1024

/** Fails with a sentence; what the program printed is never in it, because that may be a secret. */
export async function runExecPlugin(
  exec: Exec,
  cluster: Cluster,
  options: ExecOptions,
): Promise<ExecCredentials> {
  if (!apiVersions.includes(exec.apiVersion)) {
    throw new Failure(`exec plugin ${exec.command}: apiVersion ${exec.apiVersion} is not supported`)
  }
  if (exec.interactiveMode === 'Always' && !options.isInteractive) {
    throw new Failure(`exec plugin ${exec.command} needs a terminal for its questions`)
  }
  const isInteractive = options.isInteractive && exec.interactiveMode !== 'Never'
  const question = {
    apiVersion: exec.apiVersion,
    kind: 'ExecCredential',
    spec: {
      ...(exec.providesClusterInfo && { cluster: clusterInfo(cluster, options.ca) }),
      interactive: isInteractive,
    },
  }
  const env = { ...options.env, ...exec.env, KUBERNETES_EXEC_INFO: JSON.stringify(question) }
  const usual = { toldMs, endedMs: isInteractive ? endedMs.person : endedMs.nobody }
  const limits = options.limits ?? usual
  return readCredentials(exec, await run(exec, { ...options, limits, env, isInteractive }))
}

type Running = ExecOptions & { readonly limits: NonNullable<ExecOptions['limits']> }

function run(exec: Exec, { env, isInteractive, printError, limits }: Running): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new Failure(`exec plugin ${exec.command} ${what}`))
    // Its standard error is shown as it comes: that is how plugins ask people to sign in.
    const child = spawn(exec.command, [...exec.args], {
      env,
      stdio: [isInteractive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
    })
    const seconds = limits.endedMs / 1_000
    const telling = setTimeout(
      () => printError(`waiting for exec plugin ${exec.command}, at most ${seconds} s\n`),
      limits.toldMs,
    )
    let isLate = false
    // Not the limit of `spawn`: that outlives a program that could not be started.
    const ending = setTimeout(() => {
      isLate = true
      child.kill()
      // What it started may hold the pipe for longer.
      child.stdout.destroy()
    }, limits.endedMs)
    const ended = () => {
      clearTimeout(telling)
      clearTimeout(ending)
    }
    const chunks: Buffer[] = []
    let size = 0
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > outputLimitBytes) child.kill()
      else chunks.push(chunk)
    })
    child.on('error', (error) => {
      ended()
      const isMissing = 'code' in error && error.code === 'ENOENT'
      const hint = exec.installHint ? `\n${exec.installHint}` : ''
      fail(isMissing ? `was not found${hint}` : 'could not be started')
    })
    child.on('close', (code, signal) => {
      ended()
      if (isLate) fail(`did not end within ${seconds} s`)
      else if (size > outputLimitBytes) fail('printed more than 1 MiB')
      else if (code !== 0) fail(`failed with ${code === null ? signal : `exit code ${code}`}`)
      else resolve(Buffer.concat(chunks).toString('utf8'))
    })
  })
}

function readCredentials(exec: Exec, output: string): ExecCredentials {
  const answer = record(parseJson(output))
  if (answer['kind'] !== 'ExecCredential' || answer['apiVersion'] !== exec.apiVersion) {
    throw new Failure(
      `exec plugin ${exec.command} did not print an ExecCredential of ${exec.apiVersion}`,
    )
  }
  const status = record(answer['status'])
  const found = compact({
    token: text(status['token']),
    cert: text(status['clientCertificateData']),
    key: text(status['clientKeyData']),
  })
  if (!found.token && !(found.cert && found.key)) {
    throw new Failure(
      `exec plugin ${exec.command} gave neither a token nor a certificate with its key`,
    )
  }
  return found
}

function parseJson(output: string): unknown {
  try {
    return JSON.parse(output)
  } catch {
    return null
  }
}

function clusterInfo(cluster: Cluster, ca: string | undefined): Record<string, unknown> {
  return compact({
    server: cluster.server,
    'tls-server-name': cluster.tlsServerName,
    'insecure-skip-tls-verify': cluster.isInsecure || undefined,
    'certificate-authority-data': ca && Buffer.from(ca).toString('base64'),
    'proxy-url': cluster.proxyUrl,
    config: cluster.execConfig,
  })
}
