// A cron line and a time in; the next time out. Only the arithmetic of the cron package is used: timers are
// the controller's.
import { CronTime } from 'cron'

export interface Schedule {
  /** Five fields, or six with seconds first. */
  readonly schedule: string
  /** An IANA name such as Europe/Berlin. */
  readonly timeZone: string
}

/** The first time after `afterMs`, in ms since epoch. Throws a sentence for people if the line is wrong. */
export function nextTime({ schedule, timeZone }: Schedule, afterMs: number): number {
  const problem = scheduleProblem({ schedule, timeZone })
  if (problem !== null) throw new Error(problem)
  return new CronTime(schedule, timeZone).getNextDateFrom(new Date(afterMs), timeZone).toMillis()
}

/** Why a schedule can not be used, or null. */
export function scheduleProblem({ schedule, timeZone }: Schedule): string | null {
  const fields = schedule.trim().split(/\s+/)
  if (fields.length !== 5 && fields.length !== 6) {
    return `schedule "${schedule}" has ${fields.length} fields; write five, such as "*/5 * * * *", or six with seconds first`
  }
  try {
    new CronTime(schedule, timeZone).getNextDateFrom(new Date(0), timeZone)
    return null
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    return `schedule "${schedule}" in ${timeZone} can not be used: ${words}`
  }
}
