// A cron line in; its next times out. Only the arithmetic of the cron package is used: timers are the
// controller's.
import { CronTime } from 'cron'

export interface Schedule {
  /** Five fields, or six with seconds first. */
  readonly schedule: string
  /** An IANA name such as Europe/Berlin. */
  readonly timeZone: string
}

export type Times =
  /** The first time after `afterMs`, both ms since epoch. */
  | { readonly next: (afterMs: number) => number }
  /** Why the schedule can not be used, in a sentence for people. */
  | { readonly problem: string }

/** Parsed once, since parsing a line costs more than all the times it gives. */
export function timesOf({ schedule, timeZone }: Schedule): Times {
  const fields = schedule.trim().split(/\s+/)
  if (fields.length !== 5 && fields.length !== 6) {
    const problem = `schedule "${schedule}" has ${fields.length} fields; write five, such as "*/5 * * * *", or six with seconds first`
    return { problem }
  }
  try {
    const time = new CronTime(schedule, timeZone)
    const after = (afterMs: number) => time.getNextDateFrom(new Date(afterMs), timeZone).toMillis()
    after(0)
    return { next: remembering(after, { schedule, timeZone, hasSeconds: fields.length === 6 }) }
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    return { problem: `schedule "${schedule}" in ${timeZone} can not be used: ${words}` }
  }
}

const known = new Map<string, number>()
const mostKnown = 1_000

/**
 * Many sources share few schedules, and finding one time costs a third of a millisecond. A line without seconds
 * has one answer for all moments of a minute, one with seconds for all of a second.
 */
function remembering(
  after: (afterMs: number) => number,
  { schedule, timeZone, hasSeconds }: Schedule & { readonly hasSeconds: boolean },
): (afterMs: number) => number {
  const grainMs = hasSeconds ? 1_000 : 60_000
  return (afterMs) => {
    const key = `${schedule} ${timeZone} ${Math.floor(afterMs / grainMs)}`
    const remembered = known.get(key)
    if (remembered !== undefined) return remembered
    const next = after(afterMs)
    if (known.size >= mostKnown) known.clear()
    known.set(key, next)
    return next
  }
}
