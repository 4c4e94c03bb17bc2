// The steps of one host in; its `propose` out, the same for all: adopt what is open, open what is not, and believe
// what is there rather than the answer to a request.
import type { Direction, Proposal, PullRequest } from './host.ts'
import { HostError } from './http.ts'

export interface ProposalSteps<Pull extends PullRequest> {
  readonly find: (direction: Direction) => Promise<Pull | null>
  readonly open: (proposal: Proposal) => Promise<Pull>
  readonly update: (pull: Pull, proposal: Proposal) => Promise<Pull>
  /** Rejects where the host does not offer it, or not for this pull request. */
  readonly enableAutoMerge: (pull: Pull, proposal: Proposal) => Promise<void>
}

export async function proposeBy<Pull extends PullRequest>(
  steps: ProposalSteps<Pull>,
  proposal: Proposal,
): Promise<Pull> {
  const pull = await adoptOrOpen(steps, proposal)
  if (!proposal.autoMerge || pull.state !== 'open') return pull
  try {
    await steps.enableAutoMerge(pull, proposal)
  } catch (error) {
    // Without auto-merge the pull request still stands, and a person merges it.
    if (!(error instanceof HostError)) throw error
  }
  return pull
}

async function adoptOrOpen<Pull extends PullRequest>(
  steps: ProposalSteps<Pull>,
  proposal: Proposal,
): Promise<Pull> {
  const found = await steps.find(proposal)
  if (found?.state === 'open') return steps.update(found, proposal)
  try {
    return await steps.open(proposal)
  } catch (error) {
    if (!(error instanceof HostError) || error.reason === 'refused') throw error
    // Somebody was faster, or the answer to an accepted request was lost: the list tells.
    const now = await steps.find(proposal).catch(() => null)
    if (now?.state === 'open') return now
    throw error
  }
}
