// A run that broke an invariant in, the fewest choices that still break it out: drop halves, then quarters,
// then single ones.
import { type Run, type RunOptions, runOne } from './run.ts'

const mostRuns = 200

export async function shrink(options: RunOptions, broken: Run): Promise<Run> {
  let best = broken
  let runs = 0
  for (let size = Math.ceil(best.choices.length / 2); size >= 1; ) {
    let isSmaller = false
    for (let start = 0; start < best.choices.length && runs < mostRuns; ) {
      const only = best.choices.filter((_, index) => index < start || index >= start + size)
      runs += 1
      const run = await runOne({ ...options, only })
      const isSame = run.violation?.name === broken.violation?.name
      if (isSame && run.choices.length < best.choices.length) {
        best = run
        isSmaller = true
      } else start += size
    }
    if (runs >= mostRuns || (size === 1 && !isSmaller)) break
    if (!isSmaller || size > 1) size = Math.max(1, Math.floor(size / 2))
  }
  return best
}
