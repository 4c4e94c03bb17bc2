// Labels and annotations of Sluice. No package is imported here: the plugin starts in milliseconds.
import type { Verb } from './words.ts'

export const label = {
  /** On every object that Sluice writes for a Rollout: its name. */
  rollout: 'sluice.dev/rollout',
  /** On pods, ReplicaSets and subsets: the revision. */
  revision: 'sluice.dev/revision',
  /** What Istio puts into `destination_canonical_revision`; unique per revision, or both arms are one series. */
  canonicalRevision: 'service.istio.io/canonical-revision',
  /** On ConfigMaps and Secrets that a Rollout names: only these are followed. */
  config: 'sluice.dev/config',
} as const

export const annotation = {
  /** The fence: number of the decision that wrote this object. A writer never overwrites a higher one. */
  decision: 'sluice.dev/decision',
  /** RFC 3339 time at which the weights of a route last changed. */
  weightsSince: 'sluice.dev/weights-since',
  /** On a Rollout: the commit that brought this definition. */
  commit: 'sluice.dev/commit',
  /** On a Rollout: the author of that commit. */
  author: 'sluice.dev/author',
  /** On a Rollout: name of its GitSource. */
  source: 'sluice.dev/source',
  /** On a Rollout: path of its file in that source. */
  path: 'sluice.dev/path',
  /** "true" on a pod template: what this release does can not be undone, so Git is left to people. */
  irreversible: 'sluice.dev/irreversible',
} as const

/** On a Rollout while something of a user's has to be put back before it may go. */
export const finalizer = 'sluice.dev/traffic'

/** Annotation that carries the last command of a verb, as JSON of `Command` in crds/command.ts. */
export const commandAnnotation = (verb: Verb): string => `sluice.dev/${verb}`
