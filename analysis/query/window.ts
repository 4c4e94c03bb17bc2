// How long a step's weight has been live in, the window a query may look at out.

/** Windows in scrapes. Few of them, so that many rollouts share one query. */
const ladder = [4, 8, 16, 32, 64, 120, 240, 480] as const
const maxWindowMs = 600_000

export interface Live {
  /** When the step's weight was live, ms since epoch. */
  readonly fromMs: number
  readonly nowMs: number
  readonly scrapeIntervalMs: number
}

/**
 * The longest window that begins at least one scrape after the weight was live and ends now; `null`
 * when four scrapes do not fit yet: less than that says nothing about a rate.
 */
export function windowFor(live: Live): number | null {
  const room = live.nowMs - live.fromMs - live.scrapeIntervalMs
  const fitting = windows(live.scrapeIntervalMs).filter((windowMs) => windowMs <= room)
  return fitting.at(-1) ?? null
}

/** Windows for a scrape interval, ascending; the longest is ten minutes, or four scrapes if that is more. */
export function windows(scrapeIntervalMs: number): readonly number[] {
  const least = ladder[0] * scrapeIntervalMs
  const most = Math.max(maxWindowMs, least)
  return [...ladder.map((scrapes) => scrapes * scrapeIntervalMs).filter((w) => w < most), most]
}
