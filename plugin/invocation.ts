// What a command is, and what it is given: the world around the process, its flags, and the cluster.
import { durationMs, isDuration } from '../crds/duration.ts'
import { readCredentials } from './cluster/credentials.ts'
import { createClient, type KubeClient } from './cluster/kube-client.ts'
import { readTarget } from './cluster/kubeconfig.ts'
import { ApiRefusal, Failure, UsageError } from './failure.ts'
import type { FlagTable, Parsed } from './flags.ts'
import { type Json, list, record, text } from './json.ts'
import { suggestion } from './near.ts'
import type { Style } from './render.ts'

/** The world around the process; only kubectl-sluice.ts makes one from the real thing. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly style: Style
  /** Standard input is a terminal. */
  readonly isInteractive: boolean
  readonly now: () => number
  /** Ends early, and without an error, when the signal does. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Identity of a command, unique for ever. */
  readonly newId: () => string
  readonly print: (text: string) => void
  readonly printError: (text: string) => void
  /** All of standard input. */
  readonly readInput: () => Promise<string>
  /** The terminal that is written to; null in a pipe. */
  readonly terminal: Terminal | null
}

export interface Terminal {
  /** Takes the whole screen, until `close` gives it back as it was. */
  open(listener: {
    readonly onResize: () => void
    /** A key, or an end of the process that was asked for by a signal. */
    readonly onKey: (key: string) => void
  }): Screen
}

export interface Screen {
  size(): { readonly columns: number; readonly rows: number }
  draw(lines: readonly string[]): void
  close(): void
}

export interface Invocation {
  readonly world: World
  readonly flags: Parsed
}

/** An entry of the table in main.ts. */
export interface Command {
  readonly summary: string
  /** What follows `kubectl sluice`. */
  readonly usage: string
  readonly detail?: string
  readonly flags: FlagTable
  /** Its exit codes, where they say more than done, failed and wrong usage. */
  readonly exitCodes?: Readonly<Record<number, string>>
  /** Exit code when it could not be done, where 1 or 2 mean something else. */
  readonly failureCode?: number
  /** Not told of in the help. */
  readonly isHidden?: boolean
  /** What the words of a command stand for, so that the shell can complete them. */
  readonly completes?: 'rollouts' | 'rollout' | 'files' | 'commands'
  /** Words after the flags are passed on as they are. */
  readonly isRaw?: boolean
  /** Gives the exit code, or fails with `Failure`. */
  run(invocation: Invocation): Promise<number>
}

export interface Connection {
  readonly client: KubeClient
  readonly namespace: string
  /** Name of the user in the kubeconfig. */
  readonly userName: string
}

export async function connect({ world, flags }: Invocation): Promise<Connection> {
  const timeoutMs = readTimeout(flags.value('request-timeout') ?? '10s')
  const { env, home } = world
  const options = { path: flags.value('kubeconfig'), context: flags.value('context') }
  const target = readTarget({ env, home, ...options })
  const namespace = flags.value('namespace') ?? target.namespace
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw new UsageError(`"${namespace}" is not the name of a namespace`)
  }
  const credentials = await readCredentials(target, world)
  const client = await createClient({ target, credentials, env, timeoutMs })
  return { client, namespace, userName: target.user.name }
}

function readTimeout(asked: string): number {
  if (/^\d{1,6}$/.test(asked)) return Number(asked) * 1_000
  if (isDuration(asked)) return durationMs(asked)
  throw new UsageError(`--request-timeout=${asked} is not a time such as 5s`)
}

/** Path of the Rollouts of a namespace, or of all when it is null; or of one by its name. */
export function rolloutsPath(namespace: string | null, name?: string): string {
  const within = namespace === null ? '' : `/namespaces/${namespace}`
  const one = name === undefined ? '' : `/${encodeURIComponent(name)}`
  return `/apis/sluice.dev/v1alpha1${within}/rollouts${one}`
}

/** Fails with names that were probably meant when there is none of this name. */
export async function getRollout({ client, namespace }: Connection, name: string): Promise<Json> {
  try {
    return await client.ask({ path: rolloutsPath(namespace, name) })
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.code !== 404) throw error
    const near = suggestion(name, await namesIn({ client, namespace }))
    throw new Failure(
      `from server (NotFound): no rollout "${name}" in namespace ${namespace}${near}`,
      { cause: error },
    )
  }
}

async function namesIn({ client, namespace }: Pick<Connection, 'client' | 'namespace'>) {
  try {
    const { items } = await client.ask({
      path: rolloutsPath(namespace),
      parameters: { limit: '500' },
    })
    return list(items).flatMap((item) => text(record(record(item)['metadata'])['name']) ?? [])
  } catch (error) {
    if (error instanceof ApiRefusal && error.code === 404) throw missingKind(error)
    return []
  }
}

/** A list is never "not found" unless its kind is. */
export function missingKind(cause: unknown): Failure {
  return new Failure(
    'the server has no resource "rollouts" of sluice.dev/v1alpha1: is Sluice installed there?',
    { cause },
  )
}

/** The one NAME of a command, as `checkout` or `rollout/checkout`. */
export function oneName({ flags }: Invocation): string {
  const [name, ...surplus] = flags.positionals.map(bareName)
  if (name === undefined) throw new UsageError('the name of a rollout is missing')
  if (surplus.length > 0) throw new UsageError(`one name at a time, not ${surplus.length + 1}`)
  return name
}

/** As `-o name` prints it, a name may carry its kind. */
export function bareName(name: string): string {
  return name.replace(/^(rollouts?|rollouts?\.sluice\.dev)\//, '')
}
