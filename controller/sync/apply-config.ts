// ConfigMaps that go with Rollouts of a GitSource in, the same applied out, before their Rollouts: a release that is
// tried is one that somebody committed.
import { annotation, label } from '../../crds/names.ts'
import type { ConfigMap, SourcedConfigMap } from '../../git/source/config-maps.ts'
import type { SourcedDefinition } from '../../git/source/source.ts'
import { ApiError, type KubeObject } from '../../kube/api.ts'
import { configMaps } from '../../kube/resources.ts'
import { Fenced, readAny } from '../act/hands.ts'
import { definitionAnnotation, fieldManager, refusals } from './server-side.ts'
import type { Reporter, SourceErrors } from './source-status.ts'

export interface ApplyingConfig {
  readonly source: KubeObject
  /** What stands in Git; absent where no source has any. */
  readonly readConfigMap?: ((configMap: SourcedConfigMap) => Promise<ConfigMap>) | undefined
}

interface Wanted {
  readonly namespace: string
  readonly configMap: SourcedConfigMap
}

export interface AppliedConfig {
  readonly refused: SourceErrors
  /** Names of ConfigMaps that are not as Git wants them: releases that name one wait. */
  readonly missing: ReadonlySet<string>
}

/** Applies the ConfigMaps of definitions that changed, and those that are not in the cluster; each once. */
export async function applyConfig(
  applier: Reporter,
  applying: ApplyingConfig,
  { all, changed }: Record<'all' | 'changed', readonly SourcedDefinition[]>,
): Promise<AppliedConfig> {
  const wanted = new Map<string, Wanted>()
  for (const { namespace, configMaps: named = [] } of changed) {
    for (const configMap of named) wanted.set(configMap.name, { namespace, configMap })
  }
  for (const { namespace, configMaps: named = [] } of all) {
    for (const configMap of named) {
      const ref = { kind: 'ConfigMap' as const, name: configMap.name }
      if (!applier.world.named.isMissing(namespace, ref)) continue
      wanted.set(configMap.name, { namespace, configMap })
    }
  }
  const refused: SourceErrors = []
  const missing = new Set<string>()
  for (const one of wanted.values()) {
    const problem = await applyOne(applier, applying, one)
    if (problem === null) continue
    const { path, line, name } = one.configMap
    const message = `ConfigMap ${name}: ${problem}. Rollouts that name it wait`
    refused.push({ path, line, column: 1, message: message.slice(0, 1024) })
    missing.add(name)
  }
  return { refused, missing }
}

/** Why the API server does not take it, or null. */
async function applyOne(
  applier: Reporter,
  { source, readConfigMap }: ApplyingConfig,
  { namespace, configMap }: Wanted,
): Promise<string | null> {
  const { name } = configMap
  try {
    // Its blob may be gone after a force-push, when what is read now can not be used.
    const value = await readConfigMap?.(configMap).catch(() => null)
    if (!value) return 'it can not be read again from Git'
    const live = await readAny(applier, configMaps, { namespace, name })
    const problem = live ? foreignness(live) : null
    if (problem !== null) return problem
    if (!applier.mayWrite()) throw new Fenced('the lease is lost: another controller leads now')
    const body = bodyOf(value, { namespace, configMap, source })
    const options = { fieldManager, force: true }
    const applied = await applier.api.patch(configMaps, { namespace, name }, 'apply', body, options)
    const written = await withoutLeftovers(applier, { applied, value })
    applier.world.named.storeOf({ kind: 'ConfigMap', name }).learn(written)
    return null
  } catch (error) {
    if (!(error instanceof ApiError) || !refusals.has(error.code)) throw error
    if (error.code !== 403) return error.message
    return `${error.message}. Install the chart with workloads.configMaps=true`
  }
}

/** What Git must not write over, although somebody named it. */
function foreignness({ metadata }: KubeObject): string | null {
  if (metadata.labels?.[label.rollout] !== undefined) {
    return 'it is the copy that a revision runs with. Give it another name'
  }
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
  return owner ? `it is made by ${owner.kind} ${owner.name}. Give it another name` : null
}

interface Bringing extends Wanted {
  readonly source: KubeObject
}

function bodyOf(value: ConfigMap, { namespace, configMap, source }: Bringing): KubeObject {
  const { apiVersion, kind, metadata, data, binaryData, immutable } = value
  return {
    apiVersion,
    kind,
    metadata: {
      name: configMap.name,
      namespace,
      labels: { ...foreignOnly(metadata.labels), [label.config]: 'named' },
      annotations: {
        ...foreignOnly(metadata.annotations),
        [annotation.source]: source.metadata.name,
        [annotation.path]: configMap.path,
        [definitionAnnotation]: configMap.digest,
      },
    },
    ...(data && { data }),
    ...(binaryData && { binaryData }),
    ...(immutable !== undefined && { immutable }),
  }
}

/** Marks of ours are not a file's to set. */
function foreignOnly(marks: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(marks).filter(([name]) => !name.startsWith('sluice.dev/')),
  )
}

interface Applied {
  readonly applied: KubeObject
  readonly value: ConfigMap
}

/**
 * Keys that people set by kubectl, before Git was followed, and that Git does not hold: server-side apply leaves them
 * to kubectl for ever, and no release would be what was committed.
 */
async function withoutLeftovers(applier: Reporter, { applied, value }: Applied) {
  const { namespace = '', name, resourceVersion } = applied.metadata
  const byHand = new Set((applied.metadata.managedFields ?? []).flatMap(keysByHand))
  const gone = (['data', 'binaryData'] as const).flatMap((field) => {
    const keys = Object.keys(applied[field] ?? {})
    const left = keys.filter(
      (key) => byHand.has(`${field}/${key}`) && !(key in (value[field] ?? {})),
    )
    return left.length === 0 ? [] : [[field, Object.fromEntries(left.map((key) => [key, null]))]]
  })
  if (gone.length === 0) return applied
  const body = { metadata: { resourceVersion }, ...Object.fromEntries(gone) }
  return applier.api.patch(configMaps, { namespace, name }, 'merge', body, { fieldManager })
}

function keysByHand(entry: unknown): string[] {
  const manager = member(entry, 'manager')
  if (typeof manager !== 'string' || !/^(kubectl|before-first-apply)/.test(manager)) return []
  const fields = member(entry, 'fieldsV1')
  return ['data', 'binaryData'].flatMap((field) => {
    const keys = member(fields, `f:${field}`)
    const names = typeof keys === 'object' && keys !== null ? Object.keys(keys) : []
    return names.filter((key) => key.startsWith('f:')).map((key) => `${field}/${key.slice(2)}`)
  })
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
