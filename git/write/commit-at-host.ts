// Plans and the head of a branch in; commits that the host makes and signs out. The host compares the head, so that
// nobody's work is lost, and what it answers is believed only after a look at the branch.
import type { GitHost } from '../hosts/host.ts'
import { HostError } from '../hosts/http.ts'
import { MirrorError } from '../repository/mirror-error.ts'
import type { CommitPlan } from '../revert/revert-plan.ts'

/** The host that makes the commits; it knows no executable files, which are pushed. */
export function hostFor(
  plans: readonly CommitPlan[],
  {
    host,
    isByHost,
  }: { readonly host?: GitHost | undefined; readonly isByHost?: boolean | undefined },
): CommittingHost | null {
  const isPlain = plans.every(({ files }) => files.every((one) => !one.isExecutable))
  return isByHost && isPlain && host?.commit ? { commit: host.commit } : null
}

type CommittingHost = Pick<Required<GitHost>, 'commit'>

/** One commit after the other, each on the one before; what was made before a refusal stays. */
export async function commitAtHost(
  host: CommittingHost,
  plans: readonly CommitPlan[],
  { tip, branch }: { readonly tip: string; readonly branch: string },
): Promise<{ isAccepted: boolean; words: string; commits: string[] }> {
  const commits: string[] = []
  for (const plan of plans) {
    const { message } = plan
    const expected = commits.at(-1) ?? tip
    const files = new Map(plan.files.map(({ path, text }) => [path, text]))
    try {
      commits.push(await host.commit({ branch, expected, message, files }))
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      if (error.reason === 'later') throw new MirrorError('unreachable', error.message, error)
      return { isAccepted: false, words: error.message, commits }
    }
  }
  return { isAccepted: true, words: '', commits }
}
