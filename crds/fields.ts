// Field types shared by the three kinds. Each carries its bounds: a schema without bounds is refused
// by the lint, because the API server prices CEL rules by them and because we put a limit on everything.
import { z } from 'zod'
import { isDuration } from './duration.ts'

/** A CEL rule that mirrors a `.refine`; the API server evaluates it where zod does not run. */
export interface CelRule {
  readonly rule: string
  readonly message: string
  readonly fieldPath?: string
}

export const durationPattern = '^([0-9]{1,9}(ms|s|m|h|d))+$'

/** A length of time such as `500ms`, `30s` or `1h30m`. */
export const Duration = z
  .string()
  .max(32)
  .regex(new RegExp(durationPattern), 'must be a duration such as 500ms, 30s or 1h30m')
  .refine(isDuration, 'must be a duration of at most 365 days')

/** A DNS label or subdomain, as the API server wants names of objects. */
export const ObjectName = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'must be a lower-case DNS name',
  )

export const Host = z
  .string()
  .min(1)
  .max(253)
  .regex(/^(\*|[a-z0-9*]([-a-z0-9.]*[a-z0-9])?)$/, 'must be a host name')

export const Percent = z.int().min(0).max(100)

/** RFC 3339 with milliseconds, UTC; what Sluice itself writes into a status. */
export const Timestamp = z.string().max(40)

/** A revision: the first ten hex digits of the digest of what runs. See crds/revision.ts. */
export const RevisionHash = z.string().max(63)

export const CommitId = z.string().max(64)

/** A sentence for people, bounded so that a status stays small. */
export const Sentence = z.string().max(1024)

export const Condition = z
  .strictObject({
    type: z.string().min(1).max(316),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.string().min(1).max(1024),
    message: z.string().max(4096),
    lastTransitionTime: Timestamp,
    observedGeneration: z.int().min(0).optional(),
  })
  .meta({ description: 'A kstatus-conformant condition.' })
export type Condition = z.infer<typeof Condition>

export const Conditions = z
  .array(Condition)
  .max(8)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
