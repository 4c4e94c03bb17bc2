// What a receiver was told in; news that came twice as two, or that never came, out.
import { rollouts } from '../../kube/resources.ts'
import type { Change } from './api-server.ts'
import type { Told } from './receiver.ts'
import { rolloutKey } from './scenario.ts'
import { statusOf, type View } from './view.ts'

/** A turn of the trial that people are told of. */
interface Turn {
  readonly reason: string
  readonly at: number
}

function turnOf({ object, previous, at }: Change): Turn[] {
  const [before, after] = [statusOf(previous), statusOf(object)]
  if (before.phase === undefined || after.decision === before.decision) return []
  const isPromoted = after.stable?.revision !== before.stable?.revision
  if (isPromoted) return [{ reason: 'Promoted', at }]
  if (after.phase === 'Aborted' && before.phase !== 'Aborted') return [{ reason: 'Aborted', at }]
  const isOnTrial = before.phase === 'Progressing' || before.phase === 'Paused'
  if (isOnTrial && after.phase === 'Stable') return [{ reason: 'Superseded', at }]
  const isBegun = after.attempt !== before.attempt && after.phase === 'Progressing'
  return isBegun ? [{ reason: 'Started', at }] : []
}

/** V5: as many messages of a kind, by identity, as there were turns of that kind. */
export function toldTooOften({ server }: View, told: readonly Told[]): string | null {
  const turns = server
    .log(rollouts)
    .filter(({ by }) => by.isController)
    .flatMap(turnOf)
  for (const reason of ['Promoted', 'Aborted', 'Started']) {
    const ids = new Set(told.filter((one) => one.reason === reason).map(({ id }) => id))
    const count = turns.filter((turn) => turn.reason === reason).length
    if (ids.size > count) return `${ids.size} messages of ${count} turns to ${reason}`
  }
  return null
}

/** V5: nobody who heard that a message arrived sends it again. */
export function toldTwice(told: readonly Told[]): string | null {
  const heard = new Set<string>()
  for (const { id, process, reason, isAnswered } of told) {
    const key = `${process} ${id}`
    if (heard.has(key)) return `${process} told ${reason} again`
    if (isAnswered) heard.add(key)
  }
  return null
}

/** At rest people know how the last trial ended. */
export function untold({ server }: View, told: readonly Told[]): string | null {
  const rollout = server.get(rollouts, rolloutKey)
  const last = server
    .log(rollouts)
    .filter(({ by, object }) => by.isController && object.metadata.uid === rollout?.metadata.uid)
    // What replaces a revision that never served is no trial, and is in no history.
    .filter(({ previous }) => statusOf(previous).canary !== undefined)
    .flatMap(turnOf)
    .findLast(({ reason }) => reason !== 'Started')
  if (!rollout || !last) return null
  const isKnown = told.some(
    ({ reason, at }) => reason === last.reason && Math.abs(at - last.at) < slackMs,
  )
  return isKnown ? null : `nobody was told of ${last.reason}`
}

/** Between a decision and its write, clocks that differ included. */
const slackMs = 150_000
