// People's commands: annotations on a Rollout in, commands that were not consumed yet out.
import { z } from 'zod'
import { commandAnnotation } from './names.ts'
import type { RolloutStatus } from './rollout-status.ts'
import { type Verb, verbs } from './words.ts'

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
  /** Only for promote: leave out the steps and gates that are left. */
  full: z.literal(true).optional(),
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
