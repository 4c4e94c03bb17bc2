// What people said, and whether they said it about this revision and step.
import type { Command } from '../../crds/command.ts'
import type { Release, RolloutStatus } from '../../crds/rollout-status.ts'
import { type Verb, verbs } from '../../crds/words.ts'
import type { Snapshot } from './snapshot.ts'

/** The pending command of a verb, if it was meant for this revision and step. */
export function command(
  snapshot: Snapshot,
  verb: Verb,
  about: { readonly canary: Release; readonly step?: number },
): Command | null {
  const found = snapshot.commands.find((candidate) => candidate.verb === verb)
  if (!found) return null
  const isForOther = found.revision !== undefined && found.revision !== about.canary.revision
  const isForOtherStep =
    found.step !== undefined && about.step !== undefined && found.step !== about.step
  return isForOther || isForOtherStep ? null : found
}

export function said(by: Command, what: string): string {
  return `${by.by} ${what}${by.why ? ` (${by.why})` : ''}`
}

/** The commands consumed so far, and those pending ones that are answered now. */
export function consume(
  snapshot: Snapshot,
  isConsumed: (verb: Verb) => boolean,
): RolloutStatus['commands'] {
  const consumed = { ...snapshot.status.commands }
  for (const verb of verbs) {
    const pending = snapshot.commands.find((candidate) => candidate.verb === verb)
    if (pending && isConsumed(verb)) consumed[verb] = pending.id
  }
  return Object.keys(consumed).length > 0 ? consumed : undefined
}
