// Definitions at a commit in; AnalysisTemplates, and Rollouts with their ConfigMaps, applied out. What is applied already
// is left alone; what the API server refuses is told with its place, and keeps no other from being applied.
import { createHash } from 'node:crypto'
import { annotation, commandAnnotation } from '../../crds/names.ts'
import { canonicalJson } from '../../crds/revision.ts'
import { verbs } from '../../crds/words.ts'
import type { CommitWords } from '../../git/revert/commit-words.ts'
import type { SourcedDefinition } from '../../git/source/source.ts'
import { ApiError, type KubeObject } from '../../kube/api.ts'
import { analysisTemplates, rollouts } from '../../kube/resources.ts'
import type { Store } from '../../kube/store.ts'
import { Fenced } from '../act/hands.ts'
import { type ApplyingConfig, applyConfig } from './apply-config.ts'
import { definitionAnnotation, fieldManager, refusals } from './server-side.ts'
import type { Reporter, SourceErrors } from './source-status.ts'

/** Digests of definitions by their object, which stays the same one while its text does. */
export type Digests = WeakMap<object, { readonly path: string; readonly digest: string }>

export interface Applying extends ApplyingConfig {
  /** Who wrote commits, and which releases they allow another try. */
  readonly readCommitWords?:
    | ((commits: readonly string[]) => Promise<ReadonlyMap<string, CommitWords>>)
    | undefined
  readonly definitions: readonly SourcedDefinition[]
  readonly digests: Digests
}

/** Applies definitions whose value is not applied yet; gives what the API server refused, with its place. */
export async function applyAll(applier: Reporter, applying: Applying): Promise<SourceErrors> {
  const { definitions } = applying
  const changed = definitions.flatMap((definition) => {
    const digest = digestOf(definition, applying.digests)
    // What is applied is what the live object says: another leader may have applied something else.
    const live = liveOf(applier, definition)?.metadata.annotations?.[definitionAnnotation]
    return live === digest ? [] : [{ definition, digest }]
  })
  const commits = changed.map(({ definition }) => definition.commit)
  const words = changed.length === 0 ? undefined : await applying.readCommitWords?.(commits)
  const news = { all: definitions, changed: changed.map(({ definition }) => definition) }
  const { refused, missing } = await applyConfig(applier, applying, news)
  for (const { definition, digest } of changed) {
    const { path, commit, configMaps = [] } = definition
    if (configMaps.some(({ name }) => missing.has(name))) continue
    try {
      await apply(applier, applying.source, { definition, digest, words: words?.get(commit) })
    } catch (error) {
      // A refusal of one definition never keeps another from being applied; whatever else went wrong
      // is no fault of the definition, and the queue tries again when the server wants it to.
      if (!(error instanceof ApiError) || !refusals.has(error.code)) throw error
      refused.push({ path, line: 0, column: 0, message: error.message.slice(0, 1024) })
    }
  }
  return refused
}

async function apply(
  applier: Reporter,
  source: KubeObject,
  { definition, digest, words }: Changed,
): Promise<void> {
  const { kind, namespace, name, path, commit } = definition
  const resource = kind === 'Rollout' ? rollouts : analysisTemplates
  const store = storeOf(applier, kind)
  if (!applier.mayWrite()) throw new Fenced('the lease is lost: another controller leads now')
  // What else stands there, as when it was copied from a cluster, is not a file's to say.
  const { apiVersion, metadata, spec } = definition.object as KubeObject
  const { labels } = metadata
  const annotations = {
    ...withoutOurs(metadata.annotations),
    ...retried(applier, definition, words),
    [annotation.commit]: commit,
    ...(words?.author && { [annotation.author]: words.author }),
    [annotation.source]: source.metadata.name,
    [annotation.path]: path,
    [definitionAnnotation]: digest,
  }
  const body = {
    apiVersion,
    kind,
    metadata: { name, namespace, ...(labels && { labels }), annotations },
    spec,
  }
  const options = { fieldManager, force: true }
  store.learn(await applier.api.patch(resource, { namespace, name }, 'apply', body, options))
}

interface Changed {
  readonly definition: SourcedDefinition
  readonly digest: string
  readonly words: CommitWords | undefined
}

/** A commit that brings a release back may allow it another try: the only command that is heard from Git. */
function retried(
  { clock }: Reporter,
  { kind, namespace, name, commit, revision, object }: SourcedDefinition,
  words: CommitWords | undefined,
): Record<string, string> {
  if (kind !== 'Rollout' || !words?.retries.has(`${namespace}/${name}`)) return {}
  const spec = object['spec']
  const hasConfig = typeof spec === 'object' && spec !== null && 'config' in spec
  const command = {
    id: `git-${commit.slice(0, 32)}`,
    by: `${words.author ?? 'somebody'}, by commit ${commit.slice(0, 12)},`,
    at: new Date(clock.now()).toISOString(),
    // With configuration beside it, the digest of the template alone is not the revision.
    ...(revision === undefined || hasConfig ? {} : { revision }),
  }
  return { [commandAnnotation('retry')]: JSON.stringify(command) }
}

/** The API server and Git know who somebody is; a file could name anybody. */
function withoutOurs(annotations: KubeObject['metadata']['annotations'] = {}) {
  const ours: readonly string[] = [annotation.author, ...verbs.map(commandAnnotation)]
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => !ours.includes(name)))
}

function storeOf({ world }: Reporter, kind: SourcedDefinition['kind']): Store {
  return kind === 'Rollout' ? world.rollouts : world.templates
}

function liveOf(applier: Reporter, { kind, namespace, name }: SourcedDefinition) {
  return storeOf(applier, kind).get(namespace, name)
}

/** Definitions that did not change are the same objects from look to look, so each is digested once. */
function digestOf({ object, path, configMaps = [] }: SourcedDefinition, known: Digests): string {
  const before = known.get(object)
  const isKnown = before?.path === path
  const digest = isKnown ? before.digest : shortDigest(canonicalJson({ object, path }))
  if (!isKnown) known.set(object, { path, digest })
  if (configMaps.length === 0) return digest
  const parts = configMaps.map((one) => `${one.name} ${one.path} ${one.digest}`)
  return shortDigest([digest, ...parts].join('\n'))
}

const shortDigest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)
