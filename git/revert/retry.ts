// Commits in; which of them say that a release which failed may be tried once more, out. Said by a trailer, since only
// the message of a commit reaches Git with it: `Sluice-Retry: NAMESPACE/NAME`.
import type { Mirror } from '../repository/mirror.ts'
import { isCommitId } from '../repository/names.ts'
import { trailersIn } from './message.ts'

export interface Retry {
  /** Author of the commit, as written. */
  readonly author: string
  /** `namespace/name` of Rollouts. */
  readonly rollouts: ReadonlySet<string>
}

export const retryTrailer = 'Sluice-Retry'
const maxCommits = 1_000

/** By commit id; only those that have the trailer. */
export async function retriesIn(
  mirror: Pick<Mirror, 'run'>,
  commits: readonly string[],
): Promise<ReadonlyMap<string, Retry>> {
  const ids = [...new Set(commits)].filter(isCommitId).slice(0, maxCommits)
  if (ids.length === 0) return new Map()
  const flags = ['--no-walk=unsorted', '--ignore-missing', '--stdin', '-z', '--format=%H%n%an%n%B']
  const output = await mirror.run(['log', ...flags], { input: `${ids.join('\n')}\n` })
  const records = output.toString('utf8').split('\0')
  return new Map(
    records.flatMap((record) => {
      const [id = '', author = '', ...lines] = record.split('\n')
      const named = trailersIn(lines.join('\n')).filter(([token]) => token === retryTrailer)
      const rollouts = new Set(named.map(([, value]) => value.trim()))
      return rollouts.size === 0 ? [] : [[id, { author: author.slice(0, 128), rollouts }] as const]
    }),
  )
}
