// One tick of one GitSource: read its Secrets and the branch, apply what changed, tell what is wrong and where.
// A definition that can not be used leaves the one before in force; all others go on.
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { GitSource, GitSourceSpec } from '../../crds/git-source.ts'
import { parseGitSource } from '../../crds/parse.ts'
import { describeProblem, pathText } from '../../crds/problem.ts'
import type { GitHost } from '../../git/hosts/host.ts'
import { MirrorError } from '../../git/repository/mirror-error.ts'
import type { CommitWords } from '../../git/revert/commit-words.ts'
import { type Times, timesOf } from '../../git/source/schedule.ts'
import type { Source, SourceState } from '../../git/source/source.ts'
import type { Readiness } from '../../git/write/readiness.ts'
import type { Writer } from '../../git/write/writer.ts'
import { ApiError, type KubeObject } from '../../kube/api.ts'
import { isSame } from '../rollout/stored.ts'
import { applyAll, type Digests } from './apply.ts'
import { createCommitStatus, type TellHost } from './commit-status.ts'
import { type Material, readMaterial, SecretProblem } from './secrets.ts'
import {
  problemStatus,
  type Reporter,
  readStatus,
  report,
  type SourceReason,
} from './source-status.ts'
import { createWatch, type WritePathWatch } from './write-path.ts'

export interface Syncer extends Reporter {
  readonly git: OpenGit
  /** Where mirrors are kept; a cache that may be deleted. */
  readonly directory: string
  /** Where files with secrets are kept; gone with this process. */
  readonly secretDirectory: string
  /** A branch was read. `hasNews`: it has another commit than before, or its host said that something happened. */
  readonly onRead: (key: string, hasNews: boolean) => void
  readonly onError: (key: string, error: unknown) => void
}

/** On a GitSource: when its host last said that something happened, as heard by a controller that does not lead. */
export const hintAnnotation = 'sluice.dev/hint'

/** Git as the controller sees it: a branch to read and a writer of the same branch. */
export type OpenGit = (options: OpenGitOptions) => OpenedGit

export interface OpenGitOptions extends Material {
  readonly spec: GitSourceSpec
  /** Definitions may live nowhere else. */
  readonly namespace: string
  /** Of the mirror; a cache that may be deleted. */
  readonly directory: string
  readonly now: () => number
  /** The commit that was accepted before a restart: signatures are looked at from there on. */
  readonly acceptedCommit?: string | undefined
}

export interface OpenedGit {
  readonly source: Pick<Source, 'refresh'>
  readonly writer: Writer
  /** For what people see beside a commit. */
  readonly host?: Pick<GitHost, 'report'> | undefined
  /** Who wrote commits, and which releases that failed they allow another try. */
  readonly readCommitWords?:
    | ((commits: readonly string[]) => Promise<ReadonlyMap<string, CommitWords>>)
    | undefined
  /** What is to be applied of a ConfigMap that a Rollout names. */
  readonly readConfigMap?: Source['readConfigMap'] | undefined
  /** Whether a revert could be written now. */
  readonly checkWritePath?: (() => Promise<Readiness>) | undefined
}

export interface Sources {
  /** Reads a GitSource now; resolves with the time of the next look. */
  sync(namespace: string, name: string): Promise<number | null>
  /** The writer of the repository and branch of a GitSource, once it is known. */
  writer(namespace: string, name: string): Promise<Writer | null>
  /** The host says that something happened: what it is, the next look will tell. */
  hint(namespace: string, name: string): void
}

interface Open extends OpenedGit {
  readonly spec: GitSourceSpec
  readonly material: Material
  readonly times: Times
  readonly digests: Digests
  readonly tellHost: TellHost
  readonly watch: WritePathWatch
  /** What the look before saw. */
  seen: { readonly commit: string; readonly hint: string | undefined } | null
}

export function createSources(syncer: Syncer): Sources {
  const open = new Map<string, Open>()

  async function sync(namespace: string, name: string): Promise<number | null> {
    const key = `${namespace}/${name}`
    const object = syncer.world.sources.get(namespace, name)
    if (!object || object.metadata.deletionTimestamp) {
      forget(syncer, open, key)
      return null
    }
    const parsed = parseGitSource(withoutStatus(object))
    if (!parsed.ok) {
      const [first] = parsed.problems
      const where = first ? `${pathText(first.path)}: ${describeProblem(first)}` : 'unreadable'
      return report(syncer, object, problemStatus(object, 'Invalid', where))
    }
    const times = open.get(key)?.times ?? timesOf(parsed.value.spec)
    try {
      const one = await opened(syncer, open, { object, parsed: parsed.value })
      if ('problem' in one.times) {
        return report(syncer, object, problemStatus(object, 'Invalid', one.times.problem))
      }
      await syncOne(syncer, object, one)
      return one.times.next(syncer.clock.now())
    } catch (error) {
      if (!(error instanceof Unopenable)) throw error
      await report(syncer, object, problemStatus(object, error.reason, error.message))
      return 'problem' in times ? null : times.next(syncer.clock.now())
    }
  }

  return {
    sync,
    async writer(namespace, name) {
      const one = open.get(`${namespace}/${name}`)
      if (!one) return null
      // Secrets rotate: a revert is written with what they hold now. If they can not be read, with what was.
      await readMaterial({
        ...one,
        api: syncer.api,
        namespace,
        directory: secretsOf(syncer, `${namespace}/${name}`),
      }).catch(() => undefined)
      return one.writer
    },
    hint(namespace, name) {
      const one = open.get(`${namespace}/${name}`)
      if (one) one.seen = null
    },
  }
}

function forget(syncer: Syncer, open: Map<string, Open>, key: string): void {
  const { credentials, signatures } = open.get(key)?.material ?? {}
  open.delete(key)
  if (credentials || signatures) rmSync(secretsOf(syncer, key), { recursive: true, force: true })
}

/** What keeps a GitSource from being read at all, in words for people. */
class Unopenable extends Error {
  readonly reason: SourceReason
  constructor(reason: SourceReason, message: string) {
    super(message)
    this.reason = reason
  }
}

interface Opening {
  readonly object: KubeObject
  readonly parsed: GitSource
}

async function opened(
  syncer: Syncer,
  open: Map<string, Open>,
  { object, parsed }: Opening,
): Promise<Open> {
  const { spec } = parsed
  const { namespace = '', name } = object.metadata
  const key = `${namespace}/${name}`
  const known = open.get(key)
  const material = await materialOf(syncer, { spec, key, namespace }, known)
  if (known && isSame(known.spec, spec) && isSame(known.material, material)) return known
  const id = idOf(`${key}\n${spec.repository}\n${spec.branch}`)
  const git = openGit(syncer, {
    ...material,
    spec,
    namespace,
    directory: join(syncer.directory, id),
    now: () => syncer.clock.now(),
    acceptedCommit: object['status']?.commit,
  })
  const fresh: Open = {
    ...git,
    spec,
    material,
    times: timesOf(spec),
    digests: new WeakMap(),
    tellHost: createCommitStatus(git.host, `sluice/${namespace}.${name}`),
    watch: createWatch(syncer, git.checkWritePath),
    seen: null,
  }
  open.set(key, fresh)
  return fresh
}

async function materialOf(
  syncer: Syncer,
  { spec, key, namespace }: { spec: GitSourceSpec; key: string; namespace: string },
  known: Open | undefined,
): Promise<Material> {
  const directory = secretsOf(syncer, key)
  try {
    return await readMaterial({ api: syncer.api, spec, namespace, directory })
  } catch (error) {
    if (error instanceof SecretProblem) throw new Unopenable('SecretMissing', error.message)
    // The API server is not well: the files are still there, and Git does not need it.
    if (error instanceof ApiError && known && isSame(known.spec, spec)) return known.material
    throw error
  }
}

function openGit(syncer: Syncer, options: OpenGitOptions): OpenedGit {
  try {
    return syncer.git(options)
  } catch (error) {
    throw new Unopenable('Invalid', error instanceof Error ? error.message : String(error))
  }
}

async function syncOne(syncer: Syncer, object: KubeObject, open: Open): Promise<void> {
  const key = `${object.metadata.namespace}/${object.metadata.name}`
  const onError = (error: unknown) => syncer.onError(key, error)
  let state: SourceState
  try {
    state = await open.source.refresh()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    onError(error)
    const isUnsigned = error instanceof MirrorError && error.reason === 'unsigned'
    const reason = isUnsigned ? 'Unsigned' : 'Unreachable'
    await report(syncer, object, problemStatus(object, reason, message))
    return
  }
  if (state.rewritten) {
    const note = `the branch was force-pushed and is at ${state.commit} now: releases are compared by what they hold`
    syncer.announced({ object }, { type: 'Warning', reason: 'HistoryRewritten', note })
  }
  const { definitions } = state
  const refused = open.spec.apply
    ? await applyAll(syncer, { ...open, source: object, definitions })
    : []
  const { status, isWell, message } = readStatus(object, state, refused)
  await report(syncer, object, status)
  const hint = object.metadata.annotations?.[hintAnnotation]
  const hasNews = open.seen?.commit !== state.commit || open.seen.hint !== hint
  open.seen = { commit: state.commit, hint }
  syncer.onRead(key, hasNews)
  // Neither keeps anybody waiting: people look at them, and nothing is decided by them.
  open.tellHost({ commit: state.commit, isWell, message }).catch(onError)
  open.watch.look(object).catch(onError)
}

const secretsOf = ({ secretDirectory }: Syncer, key: string) => join(secretDirectory, idOf(key))

const idOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

function withoutStatus(object: KubeObject): KubeObject {
  const { status: _, ...rest } = object
  return rest as KubeObject
}
