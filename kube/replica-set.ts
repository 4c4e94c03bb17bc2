// One revision of a Rollout in, its ReplicaSet out, and back: a fleet. Pure.
// What the user's template says is passed through untouched; what we stamp on it is recorded, to be taken off again.
import { z } from 'zod'
import { annotation, label } from '../crds/names.ts'
import type { ConfigRef, Hash } from '../crds/revision.ts'
import { apiVersion as rolloutApiVersion } from '../crds/rollout.ts'
import type { KubeObject } from './api.ts'
import { boundedName, rolloutLabel } from './bounded-name.ts'
import { withCopies, withoutCopies } from './config-copy.ts'
import { replicaSets } from './resources.ts'

export interface FleetSpec {
  readonly rollout: { readonly namespace: string; readonly name: string; readonly uid: string }
  /** `spec.selector.matchLabels` of the Rollout. */
  readonly selector: Readonly<Record<string, string>>
  /** A pod template, opaque. */
  readonly template: Readonly<Record<string, unknown>>
  /** Configuration of which this revision has copies of its own. */
  readonly config?: readonly ConfigRef[] | undefined
  readonly revision: Hash
  readonly replicas: number
  readonly minReadySeconds: number
  /** The fence. */
  readonly decision: number
}

/** The pods of one revision. */
export interface Fleet {
  readonly revision: Hash
  /** Pods asked for. */
  readonly desired: number
  /** Pods available for `minReadySeconds`; never more than asked for while the status is behind the spec. */
  readonly ready: number
  /** Number of the decision that wrote it; 0 when nobody stamped one. */
  readonly decision: number
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly resourceVersion: string
  /** The user's template as it was given: its digest, with that of the configuration, is the revision. */
  readonly template: Readonly<Record<string, unknown>>
  /** Configuration of which it has copies. */
  readonly config: readonly ConfigRef[]
}

/** Which labels of the pod template are ours, as JSON of `Stamps`. */
export const stampsAnnotation = 'sluice.dev/stamps'

/** `replaced`: what the user's template said of a label that we set; null is nothing. */
const Stamps = z.strictObject({
  replaced: z.record(z.string(), z.unknown()),
  /** What the template did not have at all. */
  added: z.enum(['metadata', 'labels']).optional(),
  /** What the template names by copies of this revision. */
  config: z.array(z.object({ kind: z.enum(['ConfigMap', 'Secret']), name: z.string() })).optional(),
})
type Stamps = z.infer<typeof Stamps>

const Labels = z.record(z.string(), z.unknown())
const Metadata = z.looseObject({ labels: Labels.nullish() })
const Template = z.looseObject({ metadata: Metadata.nullish() })
const ReplicaSet = z.looseObject({
  spec: z.looseObject({ replicas: z.int().min(0).nullish(), template: Template }),
  status: z
    .looseObject({
      observedGeneration: z.number().nullish(),
      availableReplicas: z.int().min(0).nullish(),
    })
    .nullish(),
})

export function renderReplicaSet(spec: FleetSpec): KubeObject {
  const { rollout, revision, config = [] } = spec
  const stamped = stamp(withCopies(spec.template, config, revision), {
    ...spec.selector,
    [label.revision]: revision,
    [label.canonicalRevision]: revision,
  })
  const refs = config.map(({ kind, name }) => ({ kind, name }))
  const stamps: Stamps = { ...stamped.stamps, ...(refs.length > 0 && { config: refs }) }
  return {
    apiVersion: replicaSets.apiVersion,
    kind: replicaSets.kind,
    metadata: {
      name: replicaSetName(rollout.name, revision),
      namespace: rollout.namespace,
      labels: {
        ...spec.selector,
        [label.rollout]: rolloutLabel(rollout.name),
        [label.revision]: revision,
      },
      annotations: {
        [annotation.decision]: String(spec.decision),
        [stampsAnnotation]: JSON.stringify(stamps),
      },
      ownerReferences: [
        {
          apiVersion: rolloutApiVersion,
          kind: 'Rollout',
          name: rollout.name,
          uid: rollout.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      replicas: spec.replicas,
      minReadySeconds: spec.minReadySeconds,
      selector: { matchLabels: { ...spec.selector, [label.revision]: revision } },
      template: stamped.template,
    },
  }
}

/** Null for a ReplicaSet that is no fleet of ours. */
export function readFleet(object: KubeObject): Fleet | null {
  const { metadata } = object
  const revision = metadata.labels?.[label.revision]
  const parsed = ReplicaSet.safeParse(object)
  if (!revision || !parsed.success) return null
  const { spec, status } = parsed.data
  const desired = spec.replicas ?? 1
  const available = status?.availableReplicas ?? 0
  const stamps = readStamps(metadata.annotations?.[stampsAnnotation])
  const config = stamps.config ?? []
  const isCurrent = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  return {
    revision,
    desired,
    ready: isCurrent ? available : Math.min(available, desired),
    decision: readDecision(metadata.annotations?.[annotation.decision]),
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    template: withoutCopies(unstamp(object['spec'].template, stamps), config, revision),
    config,
  }
}

/** `<rollout>-<revision>`, cut and made unique by a digest where that is too long. */
export function replicaSetName(rolloutName: string, revision: Hash): string {
  return boundedName(rolloutName, revision)
}

function stamp(
  template: FleetSpec['template'],
  labels: Readonly<Record<string, string>>,
): { template: unknown; stamps: Stamps } {
  const { metadata } = Template.parse(template)
  const before = metadata?.labels ?? {}
  const replaced: Stamps['replaced'] = {}
  for (const [name, value] of Object.entries(labels)) {
    if (before[name] !== value) replaced[name] = before[name] ?? null
  }
  const added = !metadata ? 'metadata' : !metadata.labels ? 'labels' : undefined
  return {
    template: { ...template, metadata: { ...metadata, labels: { ...before, ...labels } } },
    stamps: { replaced, ...(added && { added }) },
  }
}

function unstamp(template: unknown, stamps: Stamps): Fleet['template'] {
  const { metadata, ...rest } = Template.parse(template)
  const { labels, ...others } = metadata ?? {}
  const kept: Record<string, unknown> = { ...labels }
  for (const [name, value] of Object.entries(stamps.replaced)) {
    if (value === null) delete kept[name]
    else kept[name] = value
  }
  const hasLabels = stamps.added === undefined || Object.keys(kept).length > 0
  const restored = { ...others, ...(hasLabels && { labels: kept }) }
  const hasMetadata = stamps.added !== 'metadata' || Object.keys(restored).length > 0
  return { ...rest, ...(hasMetadata && { metadata: restored }) }
}

// Without our record, only what carries our own prefix is surely ours.
function readStamps(text: string | undefined): Stamps {
  try {
    return Stamps.parse(JSON.parse(text ?? ''))
  } catch {
    return { replaced: { [label.revision]: null } }
  }
}

function readDecision(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0
}
