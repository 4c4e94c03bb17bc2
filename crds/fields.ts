// Field types shared by the three kinds. Each carries its bounds: a schema without bounds is refused
// by the lint, because the API server prices CEL rules by them and because we put a limit on everything.
import { z } from 'zod'
import { isDuration } from './duration.ts'
import { listed } from './listed.ts'

/** A CEL rule that mirrors a `.refine`; the API server evaluates it where zod does not run. */
export interface CelRule {
  readonly rule: string
  readonly message: string
  readonly fieldPath?: string
}

export const durationPattern = '^([0-9]{1,9}(ms|s|m|h))+$'

/** A length of time such as `500ms`, `30s` or `1h30m`; CEL's `duration()` reads it as we do. */
export const Duration = z
  .string()
  .max(32)
  .regex(new RegExp(durationPattern), 'must be a duration such as 500ms, 30s or 1h30m')
  .refine(isDuration, 'must be a duration of at most 365 days (8760h)')
  .meta({
    cel: [
      {
        rule: "duration(self) <= duration('8760h')",
        message: 'must be a duration of at most 365 days (8760h)',
      },
    ] satisfies CelRule[],
  })

/** A DNS label or subdomain, as the API server wants names of objects. */
export const ObjectName = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'must be a lower-case DNS name',
  )

/** The name of a Rollout is also a label value on all that belongs to it, hence the shorter bound. */
export const RolloutName = ObjectName.max(63)

export const Host = z
  .string()
  .min(1)
  .max(253)
  .regex(/^(\*|[a-z0-9*]([-a-z0-9.]*[a-z0-9])?)$/, 'must be a host name')

/** Labels of objects. The API server checks keys when it stores an object that carries them. */
export const Labels = z
  .record(
    z.string(),
    z
      .string()
      .max(63)
      .regex(/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/, 'must be a label value'),
  )
  .refine((labels) => isSized(labels, 1, 32), 'must have 1 to 32 labels')
  .refine(hasKeysOfAtMost(317), 'must have keys of at most 317 characters')
  .meta({
    minProperties: 1,
    maxProperties: 32,
    cel: keysOfAtMost(317),
  })

export const Percent = z.int().min(0).max(100)

/** RFC 3339 with milliseconds, UTC; what Sluice itself writes into a status. */
export const Timestamp = z.string().max(40)

/** A revision: the first ten hex digits of the digest of what runs. See crds/revision.ts. */
export const RevisionHash = z.string().max(63)

export const CommitId = z.string().max(64)

/** A sentence for people, bounded so that a status stays small. */
export const Sentence = z.string().max(1024)

/** Where a thing was written by Sluice, fields of a newer Sluice are dropped, not refused. */
export const Condition = z
  .object({
    type: z.string().min(1).max(316).meta({ description: 'Ready, Reconciling or Stalled.' }),
    status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'Whether it holds.' }),
    reason: z.string().min(1).max(1024).meta({ description: 'One word for programs.' }),
    message: z.string().max(4096).meta({ description: 'A sentence for people.' }),
    lastTransitionTime: Timestamp.meta({ description: 'When the status last changed.' }),
    observedGeneration: z.int().min(0).optional().meta({
      description: 'Generation of the spec that this condition speaks of.',
    }),
  })
  .meta({ description: 'A kstatus-conformant condition.' })
export type Condition = z.infer<typeof Condition>

export const Conditions = z
  .array(Condition)
  .max(8)
  .meta({
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
    description: 'Ready, Reconciling and Stalled, as kstatus reads them.',
  })

/**
 * Exactly one of these keys is set. `isMet` and `message` are for `.refine`; `meta` says the same to the
 * API server in CEL and to editors.
 */
export function exactlyOne<Key extends string>(keys: readonly Key[]) {
  const message = `exactly one of ${listed(keys)} must be set`
  const rule = `[${keys.map((key) => `has(self.${key})`).join(', ')}].filter(x, x).size() == 1`
  return {
    isMet: (value: { readonly [key in Key]?: unknown }) =>
      keys.filter((key) => value[key] !== undefined).length === 1,
    message,
    meta: { exactlyOne: keys, cel: [{ rule, message }] satisfies CelRule[] },
  }
}

export function isSized(value: object, min: number, max: number): boolean {
  const size = Object.keys(value).length
  return size >= min && size <= max
}

/** JSON Schema's `propertyNames` is not structural, so the length of keys is a rule. */
export function keysOfAtMost(length: number): CelRule[] {
  return [
    {
      rule: `self.all(key, size(key) <= ${length})`,
      message: `must have keys of at most ${length} characters`,
    },
  ]
}

export function hasKeysOfAtMost(length: number): (value: object) => boolean {
  return (value) => Object.keys(value).every((key) => key.length <= length)
}
