// One revert in; an open pull request that makes it, or why there is none, out. Called again it adopts, updates, or
// gives way: a branch that somebody pushed to and a pull request that somebody closed are a person's word.
import type { GitHost, PullRequest } from '../hosts/host.ts'
import { HostError } from '../hosts/http.ts'
import type { Mirror } from '../repository/mirror.ts'
import { MirrorError, unanswered } from '../repository/mirror-error.ts'
import { isBranchName } from '../repository/names.ts'
import { type GroupContext, planGroup } from '../revert/group.ts'
import { isOwnCommit, trailersOf } from '../revert/message.ts'
import type { CommitPlan, RevertRequest, RevertResult } from '../revert/revert-plan.ts'

export interface ProposeContext {
  readonly mirror: Mirror
  readonly isIncluded: (path: string) => boolean
  readonly nowMs: number
  readonly host: GitHost | null
  readonly autoMerge: boolean
  /** Builds the commit of a plan on a parent. */
  readonly build: (plan: CommitPlan, parent: string) => Promise<string>
}

export const branchPrefix = 'sluice/revert/'

/** One branch for each Rollout and bad release. */
export function branchOf({ rollout, bad }: Pick<RevertRequest, 'rollout' | 'bad'>): string {
  return `${branchPrefix}${rollout.namespace}.${rollout.name}/${bad.revision.slice(0, 7)}`
}

/** Rejects with an error that may be shown when it is to be tried again later. */
export async function propose(
  context: ProposeContext,
  request: RevertRequest,
): Promise<RevertResult> {
  const { mirror, host } = context
  const branch = branchOf(request)
  if (!isBranchName(branch)) return human(`"${branch}" is not a branch name`)
  if (host === null) {
    return human('a pull request needs spec.host and spec.credentials of the GitSource')
  }
  try {
    // Asked before the branch is read: a merge in between is then seen on the branch.
    const pull = await host.find({ branch, base: mirror.branch })
    const { head: tip } = await mirror.fetch()
    const group = await planGroup({ ...groupOf(context), tip }, [request])
    const done = group.results.get(request.key)
    const [plan] = group.plans
    if (done || !plan) return done ?? human('the revert has no plan; look at the branch')
    if (pull && pull.state !== 'open') return ended(pull, plan)
    return await open({ context, host, plan, tip, branch, pull })
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    if (error.reason === 'later') throw new MirrorError('unreachable', error.message, error)
    return human(error.message)
  }
}

function groupOf({ mirror, isIncluded, nowMs }: ProposeContext): Omit<GroupContext, 'tip'> {
  return { mirror, isIncluded, nowMs }
}

function ended({ state, number, url }: PullRequest, { request }: CommitPlan): RevertResult {
  const name = `${request.rollout.namespace}/${request.rollout.name}`
  if (state === 'merged') {
    return human(
      `${name} was restored by pull request ${number}, and asked for again since: ${url}`,
    )
  }
  const because = `pull request ${number} was closed without merging: a person's word stays: ${url}`
  return { state: 'Superseded', because: because.slice(0, 1_024) }
}

interface Opening {
  readonly context: ProposeContext
  readonly host: GitHost
  readonly plan: CommitPlan
  readonly tip: string
  readonly branch: string
  readonly pull: PullRequest | null
}

async function open(opening: Opening): Promise<RevertResult> {
  const { context, host, plan, tip, branch, pull } = opening
  const { mirror } = context
  const was = await mirror.remoteHead(branch)
  const standing = was === null ? null : await standingOf(opening, was)
  if (standing === 'foreign') {
    const where = pull ? `: ${pull.url}` : ''
    return human(`somebody pushed to branch ${branch}, so it is left to them${where}`, pull)
  }
  let commit = was ?? ''
  if (was === null || standing === 'stale') {
    commit = await context.build(plan, tip)
    const answer = await mirror.pushOwn(`refs/heads/${branch as `sluice/${string}`}`, commit, was)
    if (!answer.isAccepted && (await mirror.remoteHead(branch)) !== commit) {
      if (answer.isUnanswered) throw unanswered(answer.words)
      return human(`the server refused branch ${branch}: ${answer.words}`, pull)
    }
  }
  const [title = '', ...body] = plan.message.split('\n')
  const proposal = { branch, base: mirror.branch, title, body: body.join('\n').trim(), commit }
  const opened = await host.propose({ ...proposal, autoMerge: context.autoMerge })
  const sentence = `pull request ${opened.number} restores ${plan.changed} once it is merged: ${opened.url}${noteOf(plan)}`
  const { number, url } = opened
  const because = sentence.slice(0, 1_024)
  return { state: 'Proposed', pullRequest: { number, url }, because }
}

/** Whether a branch of ours is as we left it, and still what is needed. */
async function standingOf(
  { context, plan, tip, branch }: Opening,
  head: string,
): Promise<'foreign' | 'stale' | 'current'> {
  const { mirror } = context
  await mirror.fetchBranch(branch)
  const flags = ['-z', '--format=%H%n%B', '--max-count=20']
  const log = await mirror.run(['log', ...flags, '--end-of-options', head, `^${tip}`])
  const messages = log
    .toString('utf8')
    .split('\0')
    .filter((record) => record !== '')
    .map((record) => record.slice(record.indexOf('\n') + 1))
  const name = `${plan.request.rollout.namespace}/${plan.request.rollout.name}`
  const isOurs = (message: string) =>
    isOwnCommit(message) && trailersOf(message).get('Sluice-Rollout') === name
  if (messages.length !== 1 || !messages.every(isOurs)) return 'foreign'
  for (const { path, text } of plan.files) {
    const [mine, before, now] = await blobsAt(mirror, path, [head, `${head}^`, tip])
    const texts = await mirror.blobs(mine === undefined ? [] : [mine])
    const blob = texts.get(mine ?? '')
    if (blob?.kind !== 'text' || blob.text !== text || before !== now) return 'stale'
  }
  return (await changesOther(mirror, plan, head)) ? 'stale' : 'current'
}

/** An earlier form of the proposal may have changed files that this one leaves. */
async function changesOther(mirror: Mirror, plan: CommitPlan, head: string): Promise<boolean> {
  const [commit] = await mirror.log({ from: head, count: 1 })
  const ours = new Set(plan.files.map(({ path }) => path))
  return commit?.changes.some(({ path }) => !ours.has(path)) ?? false
}

const noteOf = ({ note }: CommitPlan) => (note === undefined ? '' : `. ${note}`)

async function blobsAt(
  mirror: Mirror,
  path: string,
  commits: readonly string[],
): Promise<(string | undefined)[]> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options']
  return Promise.all(
    commits.map(async (commit) => {
      const found = await mirror.run([...args, `${commit}:${path}`]).catch(() => null)
      return found?.toString('latin1').trim().split('\n').at(-1)
    }),
  )
}

/** What to restore, in words, without writing anything. */
export async function suggest(
  context: ProposeContext,
  request: RevertRequest,
): Promise<RevertResult> {
  const { head: tip } = await context.mirror.fetch()
  const group = await planGroup({ ...groupOf(context), tip }, [request])
  const done = group.results.get(request.key)
  const [plan] = group.plans
  if (done || !plan) return done ?? human('the revert has no plan; look at the branch')
  const good = request.good.revision.slice(0, 7)
  const because = `restore ${plan.changed}, as it was in release ${good}${noteOf(plan)}`
  await showSuggestion(context.host, request, because)
  return human(`spec.revert.mode is suggest: ${because}`)
}

async function showSuggestion(
  host: GitHost | null,
  { bad, rollout }: RevertRequest,
  description: string,
): Promise<void> {
  if (host === null || bad.commit === undefined) return
  const context = `sluice/${rollout.namespace}.${rollout.name}`
  try {
    await host.report({ commit: bad.commit, state: 'failure', description, context })
  } catch (error) {
    // The words are also in the status of the Rollout.
    if (!(error instanceof HostError) && !(error instanceof MirrorError)) throw error
  }
}

function human(because: string, pull?: PullRequest | null): RevertResult {
  const pullRequest = pull ? { number: pull.number, url: pull.url } : undefined
  return {
    state: 'NeedsHuman',
    because: because.slice(0, 1_024),
    ...(pullRequest ? { pullRequest } : {}),
  }
}
