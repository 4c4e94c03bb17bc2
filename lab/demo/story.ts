// The demo's story: a good release, a bad one, and a neighbour's commit in between. It does what teams
// do, watches what Sluice does about it, and measures what callers felt.
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import { paths, type Release, rolloutYaml, type Timing } from './definitions.ts'
import type { Follower } from './follow.ts'
import type { TeamRepository } from './repository.ts'
import type { Screen } from './screen.ts'
import type { Traffic } from './traffic.ts'

export interface StoryParts {
  readonly repository: TeamRepository
  readonly follower: Follower
  readonly traffic: Traffic
  readonly screen: Screen
  /** One step waits for a person; `askForApproval` tells them how. */
  readonly approve: boolean
  readonly askForApproval: () => void
  readonly timing: Timing
}

/** What `--json` prints, and what the exit code says. Times in seconds. */
export interface StoryReport {
  readonly ok: boolean
  readonly repository: string
  readonly good: {
    readonly commit: string
    readonly outcome: string
    readonly requests: number
    readonly failedRequests: number
    readonly seconds: number
  }
  readonly bad: {
    readonly commit: string
    readonly outcome: string
    readonly revertCommit: string
    readonly badResponses: number
    /** From the stored verdict to the stored weight 0. */
    readonly secondsToSafe: number
    /** From the stored verdict to the commit that restores the last good release. */
    readonly secondsToRevert: number
  }
  readonly neighbourCommitSurvived: boolean
}

/** What the story proves besides the report; all of it is part of `ok`. */
export interface Proof {
  readonly revertCommits: number
  readonly servedByRemovedPods: number
  readonly restarts: number
}

const good: Release = { version: 'v2', latencyMs: 4 }
const bad: Release = { version: 'v3', errorPercent: 30, latencyMs: 1_200 }

export async function tellStory(parts: StoryParts): Promise<{ report: StoryReport; proof: Proof }> {
  await begin(parts)
  const goodReport = await releaseGood(parts)
  const { badReport, neighbour } = await releaseBad(parts)
  const proof = await prove(parts)
  const neighbourCommitSurvived = await hasSurvived(parts.repository, neighbour)
  const ok =
    goodReport.outcome === 'promoted' &&
    goodReport.failedRequests === 0 &&
    badReport.outcome === 'reverted' &&
    badReport.secondsToSafe <= 1 &&
    neighbourCommitSurvived &&
    proof.revertCommits === 1 &&
    proof.servedByRemovedPods === 0 &&
    proof.restarts === 0
  const { path: repository } = parts.repository
  return {
    report: { ok, repository, good: goodReport, bad: badReport, neighbourCommitSurvived },
    proof,
  }
}

async function begin(parts: StoryParts): Promise<void> {
  const { repository, follower, traffic, screen } = parts
  screen.title('Two services, checkout and payments, are committed for the first time.')
  const first = { version: 'v1' }
  const commit = await repository.commit('shop: start with checkout v1 and payments v1', {
    [paths.checkout]: rolloutYaml('checkout', first, parts),
    [paths.payments]: rolloutYaml('payments', first, { timing: parts.timing }),
  })
  screen.say(`commit ${commit.slice(0, 7)}: checkout v1, payments v1`)
  for (const name of ['checkout', 'payments']) {
    await follower.until(`${name} v1 serves`, () => isReady(follower.status(name)))
    traffic.name(follower.status(name)?.stable?.revision ?? '', 'v1')
  }
  traffic.start()
  screen.say(`callers send ${traffic.requestsPerSecond} requests per second from now on`)
  await follower.until('callers are answered', () => traffic.count('checkout', 0).requests > 100)
}

async function releaseGood(parts: StoryParts): Promise<StoryReport['good']> {
  const { repository, follower, traffic, screen, approve } = parts
  screen.title('Checkout v2 is good.')
  const startedAt = Date.now()
  const commit = await repository.commit('checkout: release v2', {
    [paths.checkout]: rolloutYaml('checkout', good, parts),
  })
  screen.say(`commit ${commit.slice(0, 7)}: checkout v2`)
  const revision = await onTrial(parts, commit, 'v2')
  if (approve) {
    await follower.until('a step waits for approval', () => {
      const { blockedBy } = follower.status('checkout') ?? {}
      return blockedBy?.reason === 'Approval'
    })
    parts.askForApproval()
  }
  const ended = await follower.until('checkout v2 is promoted or aborted', () =>
    endOf(follower.status('checkout'), revision),
  )
  const promotedAt = Date.now()
  await follower.until('the pods of v1 are drained and removed', () =>
    isReady(follower.status('checkout')),
  )
  const counted = traffic.count('checkout', startedAt)
  screen.say(`${counted.requests} requests during this release, ${counted.failed} failed`)
  return {
    commit,
    outcome: ended === 'Promoted' ? 'promoted' : 'aborted',
    requests: counted.requests,
    failedRequests: counted.failed,
    seconds: seconds(startedAt, promotedAt),
  }
}

interface BadRelease {
  readonly badReport: StoryReport['bad']
  /** The neighbour's commit and the file it left. */
  readonly neighbour: { readonly commit: string; readonly text: string }
}

async function releaseBad(parts: StoryParts): Promise<BadRelease> {
  const { repository, follower, traffic, screen } = parts
  screen.title('Checkout v3 is bad: three of ten answers are errors, and it is slow.')
  const commit = await repository.commit('checkout: release v3', {
    [paths.checkout]: rolloutYaml('checkout', bad, parts),
  })
  screen.say(`commit ${commit.slice(0, 7)}: checkout v3`)
  const revision = await onTrial(parts, commit, 'v3')
  const text = rolloutYaml('payments', { version: 'v2', latencyMs: 6 }, { timing: parts.timing })
  const neighbour = await repository.commit('payments: release v2', { [paths.payments]: text })
  screen.say(`commit ${neighbour.slice(0, 7)}: payments v2, by the neighbours, lands in between`)
  const end = await follower.until('checkout v3 is promoted or aborted', () =>
    endOf(follower.status('checkout'), revision),
  )
  const decidedAt = verdictAt(follower, revision)
  const safe = await follower.until('traffic is back on v2', () =>
    follower.routes.find(
      ({ name, weights, at }) => name === 'checkout' && at >= decidedAt && !weights[revision],
    ),
  )
  const { commit: revertCommit, at: revertedAt } = await follower.until('Git is restored', () =>
    revertOf(follower),
  )
  await follower.until('the cluster follows Git again', () => isReady(follower.status('checkout')))
  return {
    neighbour: { commit: neighbour, text },
    badReport: {
      commit,
      outcome: end === 'Aborted' ? 'reverted' : 'promoted',
      revertCommit,
      badResponses: traffic.ofRevision(revision).failed,
      secondsToSafe: seconds(decidedAt, safe.at),
      secondsToRevert: seconds(decidedAt, revertedAt),
    },
  }
}

/** Waits until a commit's revision has traffic; gives the revision. */
async function onTrial(parts: StoryParts, commit: string, version: string): Promise<string> {
  const { follower, traffic } = parts
  const revision = await follower.until(`checkout ${version} starts`, () => {
    const { canary } = follower.status('checkout') ?? {}
    return canary?.commit === commit && canary.revision
  })
  traffic.name(revision, version)
  await follower.until(
    `checkout ${version} gets traffic`,
    () => (follower.weightsOf('checkout')[revision] ?? 0) > 0,
  )
  return revision
}

function endOf(status: RolloutStatus | null, revision: string): string | undefined {
  return status?.history?.find((entry) => entry.revision === revision)?.outcome
}

function verdictAt(follower: Follower, revision: string): number {
  const aborted = follower.statuses.find(
    ({ status }) => status.phase === 'Aborted' && status.canary?.revision === revision,
  )
  return Date.parse(aborted?.status.since ?? '')
}

function revertOf({ statuses }: Follower): { commit: string; at: number } | null {
  for (const { name, status } of statuses) {
    const { revert } = status
    if (name === 'checkout' && revert?.state === 'Committed' && revert.commit) {
      return { commit: revert.commit, at: Date.parse(revert.at) }
    }
  }
  return null
}

async function prove({ repository, follower, traffic }: StoryParts): Promise<Proof> {
  const log = await repository.log()
  return {
    revertCommits: log.filter(({ body }) => body.includes('Sluice-Rollout: shop/checkout')).length,
    servedByRemovedPods: traffic.servedByRemoved(follower.removedPods),
    restarts: follower.restarts(),
  }
}

async function hasSurvived(
  repository: TeamRepository,
  neighbour: BadRelease['neighbour'],
): Promise<boolean> {
  const log = await repository.log()
  const text = await repository.file('refs/heads/main', paths.payments)
  const isInHistory = log.some(({ commit }) => commit === neighbour.commit)
  return isInHistory && text === neighbour.text.trimEnd()
}

function isReady(status: RolloutStatus | null): boolean {
  return (
    status?.phase === 'Stable' &&
    status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
  )
}

function seconds(from: number, to: number): number {
  return Math.round(to - from) / 1_000
}
