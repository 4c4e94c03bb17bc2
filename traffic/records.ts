// What Sluice writes down on objects, as JSON in annotations; read back as untrusted text.
import { z } from 'zod'
import { StepMatch } from '../crds/step-match.ts'
import type { KubeObject } from '../kube/api.ts'
import { type Aside, type Owner, Refused } from './router.ts'

/** On an object of a user: each rule that is split, by whom, and what it said before. */
export const editsAnnotation = 'sluice.dev/edits'

/** On an object of ours: what stands beside the weights, so that it is known when it has to go. */
export const asideAnnotation = 'sluice.dev/aside'

const maxLength = 65_536

const StoredAside = z.strictObject({
  revision: z.string().max(63),
  match: StepMatch.optional(),
  mirrorPercent: z.int().min(1).max(100).optional(),
})

const Edit = z.strictObject({
  /** Identity of the Rollout that splits this rule. */
  uid: z.string(),
  rollout: z.string(),
  decision: z.int().min(0),
  /** When the weights last changed, ms since epoch. */
  since: z.number(),
  weights: z.record(z.string(), z.int().min(0).max(100)),
  aside: StoredAside.optional(),
  /** Destinations found at the start with their places in the list, to be put back at the end. */
  original: z.array(z.tuple([z.int().min(0), z.looseObject({})])).max(64),
})
export type Edit = z.infer<typeof Edit>

/** Whether an edit was made by this Rollout, or by one of its name that went without putting it back. */
export function isByName(edit: Edit, { name }: Pick<Owner, 'name'>): boolean {
  return edit.rollout === name
}

const Edits = z.record(z.string(), Edit)
export type Edits = Readonly<Record<string, Edit>>

// Objects of the stores are frozen, and are read several times in each tick.
const knownEdits = new WeakMap<KubeObject, Edits>()

/** Rules of an object that are split now. Throws `Refused` when somebody damaged the record. */
export function editsOf(object: KubeObject): Edits {
  const text = object.metadata.annotations?.[editsAnnotation]
  if (text === undefined) return {}
  const known = knownEdits.get(object)
  if (known) return known
  const parsed = Edits.safeParse(json(text))
  if (parsed.success) {
    if (Object.isFrozen(object.metadata)) knownEdits.set(object, parsed.data)
    return parsed.data
  }
  throw new Refused(
    `annotation ${editsAnnotation} of ${object.kind} ${object.metadata.name} can not be read: ` +
      'restore its rules by hand and remove it',
  )
}

export function withEdits(object: KubeObject, edits: Edits): KubeObject {
  const { [editsAnnotation]: _, ...others } = object.metadata.annotations ?? {}
  const isEmpty = Object.keys(edits).length === 0
  const annotations = isEmpty ? others : { ...others, [editsAnnotation]: JSON.stringify(edits) }
  const { annotations: __, ...metadata } = object.metadata
  if (Object.keys(annotations).length === 0)
    return { ...object, metadata: metadata as typeof object.metadata }
  return { ...object, metadata: { ...object.metadata, annotations } }
}

export function asideOf(object: KubeObject): Aside | null {
  const text = object.metadata.annotations?.[asideAnnotation]
  const parsed = StoredAside.safeParse(text === undefined ? null : json(text))
  return parsed.success ? parsed.data : null
}

function json(text: string): unknown {
  if (text.length > maxLength) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
