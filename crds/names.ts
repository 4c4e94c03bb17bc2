// Labels and annotations of Sluice, and people's commands, which are annotations on the Rollout.
import { z } from 'zod'
import { type RolloutStatus, type Verb, verbs } from './rollout-status.ts'

export const label = {
  /** On everything that belongs to a Rollout: its name. */
  rollout: 'sluice.dev/rollout',
  /** On pods, ReplicaSets and subsets: the revision. */
  revision: 'sluice.dev/revision',
  /** What Istio puts into `destination_canonical_revision`; unique per revision, or both arms are one series. */
  canonicalRevision: 'service.istio.io/canonical-revision',
} as const

export const annotation = {
  /** The fence: number of the decision that wrote this object. A writer never overwrites a higher one. */
  decision: 'sluice.dev/decision',
  /** RFC 3339 time at which the weights of a route last changed. */
  weightsSince: 'sluice.dev/weights-since',
  /** On a Rollout: the commit that brought this definition. */
  commit: 'sluice.dev/commit',
  /** On a Rollout: name of its GitSource. */
  source: 'sluice.dev/source',
  /** On a Rollout: path of its file in that source. */
  path: 'sluice.dev/path',
} as const

/** Annotation that carries the last command of a verb, as JSON of `Command`. */
export const commandAnnotation = (verb: Verb): string => `sluice.dev/${verb}`

/**
 * A person's command. `revision` and `step` are preconditions: a command for another revision or step
 * is stale and is refused. `id` makes it consumed exactly once.
 */
export const Command = z.strictObject({
  id: z.string().min(1).max(64),
  by: z.string().min(1).max(253),
  why: z.string().max(512).optional(),
  at: z.string().max(40),
  revision: z.string().max(63).optional(),
  step: z.int().min(0).optional(),
})
export type Command = z.infer<typeof Command> & { readonly verb: Verb }

/** Commands on a Rollout that were not consumed yet. An annotation that is not a command is left out. */
export function pendingCommands(
  annotations: Readonly<Record<string, string>> | undefined,
  consumed: RolloutStatus['commands'],
): Command[] {
  return verbs.flatMap((verb) => {
    const command = parseCommand(annotations?.[commandAnnotation(verb)])
    return command && consumed?.[verb] !== command.id ? [{ ...command, verb }] : []
  })
}

function parseCommand(text: string | undefined): z.infer<typeof Command> | null {
  if (text === undefined || text.length > 2048) return null
  try {
    return Command.parse(JSON.parse(text))
  } catch {
    return null
  }
}
