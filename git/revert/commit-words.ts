// Commits in; who wrote each and which releases it allows another try, out. The latter is said by a trailer, since only
// the message of a commit reaches Git with it: `Sluice-Retry: NAMESPACE/NAME`.
import { authorOf } from '../../crds/author.ts'
import type { Mirror } from '../repository/mirror.ts'
import { isCommitId } from '../repository/names.ts'
import { trailersIn } from './message.ts'

export interface CommitWords {
  /** Absent when the commit names nobody. */
  readonly author: string | undefined
  /** `namespace/name` of Rollouts whose failed release may be tried once more. */
  readonly retries: ReadonlySet<string>
}

/** Of more commits than that, the rest is not read. */
const maxCommits = 5_000
const retryTrailer = 'Sluice-Retry'

/** By commit id; a commit that is not in the mirror is absent. */
export async function readCommitWords(
  mirror: Pick<Mirror, 'run'>,
  commits: readonly string[],
): Promise<ReadonlyMap<string, CommitWords>> {
  const ids = [...new Set(commits)].filter(isCommitId).slice(0, maxCommits)
  if (ids.length === 0) return new Map()
  const flags = ['--no-walk=unsorted', '--ignore-missing', '--stdin', '-z', '--format=%H%n%an%n%B']
  const output = await mirror.run(['log', ...flags], { input: `${ids.join('\n')}\n` })
  const records = output.toString('utf8').split('\0').filter(Boolean)
  return new Map(
    records.map((record) => {
      const [id = '', author, ...lines] = record.split('\n')
      const named = trailersIn(lines.join('\n')).filter(([token]) => token === retryTrailer)
      return [id, { author: authorOf(author), retries: new Set(named.map(([, to]) => to.trim())) }]
    }),
  )
}
