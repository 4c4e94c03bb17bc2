// One tick of one GitSource: read the branch, apply what changed, tell what is wrong and where.
// A definition that can not be used leaves the one before in force; all others go on.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { GitSource, GitSourceSpec } from '../crds/git-source.ts'
import { annotation, commandAnnotation } from '../crds/names.ts'
import { parseGitSource } from '../crds/parse.ts'
import { describeProblem, pathText } from '../crds/problem.ts'
import { canonicalJson } from '../crds/revision.ts'
import { verbs } from '../crds/words.ts'
import { type Times, timesOf } from '../git/schedule.ts'
import type { Source, SourcedDefinition, SourceState } from '../git/source.ts'
import type { Writer } from '../git/writer.ts'
import { ApiError, type KubeObject } from '../kube/api.ts'
import { analysisTemplates, rollouts } from '../kube/resources.ts'
import type { Store } from '../kube/store.ts'
import { Fenced } from './hands.ts'
import { isSame } from './rollout/stored.ts'
import {
  problemStatus,
  type Reporter,
  readStatus,
  report,
  type SourceErrors,
} from './source-status.ts'

export interface Syncer extends Reporter {
  readonly git: OpenGit
  /** Where mirrors are kept; a cache that may be deleted. */
  readonly directory: string
  readonly onError: (key: string, error: unknown) => void
}

/** Git as the controller sees it: a branch to read and a writer of the same branch. */
export type OpenGit = (options: {
  readonly spec: GitSourceSpec
  /** Definitions may live nowhere else. */
  readonly namespace: string
  /** Of the mirror; a cache that may be deleted. */
  readonly directory: string
  readonly now: () => number
}) => { readonly source: Pick<Source, 'refresh'>; readonly writer: Writer }

export interface Sources {
  /** Reads a GitSource now; resolves with the time of the next look. */
  sync(namespace: string, name: string): Promise<number | null>
  /** The writer of the repository and branch of a GitSource, once it is known. */
  writer(namespace: string, name: string): Writer | null
}

/** The field manager of what Git says. */
const fieldManager = 'sluice-git'

interface Opening {
  readonly key: string
  readonly namespace: string
  readonly spec: GitSourceSpec
}

interface Open {
  readonly spec: GitSourceSpec
  readonly times: Times
  readonly source: Pick<Source, 'refresh'>
  readonly writer: Writer
  readonly digests: WeakMap<object, { readonly path: string; readonly digest: string }>
}

export function createSources(syncer: Syncer): Sources {
  const open = new Map<string, Open>()
  return {
    async sync(namespace, name) {
      const key = `${namespace}/${name}`
      const object = syncer.world.sources.get(namespace, name)
      if (!object || object.metadata.deletionTimestamp) {
        open.delete(key)
        return null
      }
      const parsed = parseGitSource(withoutStatus(object))
      if (!parsed.ok) {
        const [first] = parsed.problems
        const where = first ? `${pathText(first.path)}: ${describeProblem(first)}` : 'unreadable'
        return report(syncer, object, problemStatus(object, 'Invalid', where))
      }
      const { spec } = parsed.value
      const unserved = unservedBy(spec)
      if (unserved !== null)
        return report(syncer, object, problemStatus(object, 'Invalid', unserved))
      const one = opened(syncer, open, { key, namespace, spec })
      const { times } = one
      if ('problem' in times) {
        return report(syncer, object, problemStatus(object, 'Invalid', times.problem))
      }
      await syncOne(syncer, { object, parsed: parsed.value, open: one })
      return times.next(syncer.clock.now())
    },
    writer: (namespace, name) => open.get(`${namespace}/${name}`)?.writer ?? null,
  }
}

/** What git/ can do and the controller does not hand it yet; nothing of it is ignored silently. */
function unservedBy(spec: GitSourceSpec): string | null {
  const asked = (['credentials', 'host', 'webhook', 'signatures'] as const).filter(
    (field) => spec[field] !== undefined,
  )
  const [field] = asked
  return field === undefined ? null : `spec.${field} is not served by this version: remove it`
}

function opened(syncer: Syncer, open: Map<string, Open>, { key, namespace, spec }: Opening): Open {
  const known = open.get(key)
  if (known && isSame(known.spec, spec)) return known
  const id = createHash('sha256').update(`${key}\n${spec.repository}\n${spec.branch}`).digest('hex')
  const { source, writer } = syncer.git({
    spec,
    namespace,
    directory: join(syncer.directory, id.slice(0, 16)),
    now: () => syncer.clock.now(),
  })
  const fresh: Open = {
    spec,
    times: timesOf(spec),
    source,
    writer,
    digests: new WeakMap(),
  }
  open.set(key, fresh)
  return fresh
}

interface One {
  readonly object: KubeObject
  readonly parsed: GitSource
  readonly open: Open
}

async function syncOne(syncer: Syncer, one: One): Promise<void> {
  let state: SourceState
  try {
    state = await one.open.source.refresh()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    syncer.onError(`${one.object.metadata.namespace}/${one.object.metadata.name}`, error)
    await report(syncer, one.object, problemStatus(one.object, 'Unreachable', message))
    return
  }
  const refused = await applyAll(syncer, one, state)
  await report(syncer, one.object, readStatus(one.object, state, refused))
}

/** Applies definitions whose value is not applied yet; gives what the API server refused, with its place. */
async function applyAll(syncer: Syncer, one: One, state: SourceState): Promise<SourceErrors> {
  const refused: SourceErrors = []
  for (const definition of state.definitions) {
    const { path } = definition
    const digest = digestOf(definition, one.open.digests)
    // What is applied is what the live object says: another leader may have applied something else.
    if (liveOf(syncer, definition)?.metadata.annotations?.[definitionAnnotation] === digest)
      continue
    try {
      await apply(syncer, one, { definition, digest })
    } catch (error) {
      // A refusal of one definition never keeps another from being applied; whatever else went wrong
      // is no fault of the definition, and the queue tries again when the server wants it to.
      if (!(error instanceof ApiError) || !refusals.has(error.code)) throw error
      refused.push({ path, line: 0, column: 0, message: error.message.slice(0, 1024) })
    }
  }
  return refused
}

/** Answers that speak of the definition: invalid, forbidden, no such namespace or kind, owned by another. */
const refusals = new Set([400, 403, 404, 409, 413, 422])

async function apply(
  syncer: Syncer,
  { object }: One,
  { definition, digest }: { definition: SourcedDefinition; digest: string },
): Promise<void> {
  const { kind, namespace, name, path, commit } = definition
  const resource = kind === 'Rollout' ? rollouts : analysisTemplates
  const store = storeOf(syncer, kind)
  if (!syncer.mayWrite()) throw new Fenced('the lease is lost: another controller leads now')
  const { metadata, ...rest } = definition.object as KubeObject
  const annotations = {
    ...withoutCommands(metadata.annotations),
    [annotation.commit]: commit,
    [annotation.source]: object.metadata.name,
    [annotation.path]: path,
    [definitionAnnotation]: digest,
  }
  const body = { ...rest, metadata: { ...metadata, namespace, annotations } }
  const options = { fieldManager, force: true }
  store.learn(await syncer.api.patch(resource, { namespace, name }, 'apply', body, options))
}

/** People give commands to the API server, which knows who they are; a file could name anybody. */
function withoutCommands(annotations: KubeObject['metadata']['annotations'] = {}) {
  const isCommand = (name: string) => verbs.some((verb) => name === commandAnnotation(verb))
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => !isCommand(name)))
}

function storeOf({ world }: Syncer, kind: SourcedDefinition['kind']): Store {
  return kind === 'Rollout' ? world.rollouts : world.templates
}

function liveOf(syncer: Syncer, { kind, namespace, name }: SourcedDefinition) {
  return storeOf(syncer, kind).get(namespace, name)
}

/** Digest of the definition that was applied last: after a restart nothing is applied twice. */
const definitionAnnotation = 'sluice.dev/definition'

/** Definitions that did not change are the same objects from look to look, so each is digested once. */
function digestOf({ object, path }: SourcedDefinition, known: Open['digests']): string {
  const before = known.get(object)
  if (before?.path === path) return before.digest
  const text = canonicalJson({ object, path })
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  known.set(object, { path, digest })
  return digest
}

function withoutStatus(object: KubeObject): KubeObject {
  const { status: _, ...rest } = object
  return rest as KubeObject
}
