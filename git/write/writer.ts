// Reverts wanted in; commits on the branch out. One writer per branch: what waits at one moment goes as one
// commit per Rollout in one push. A push never forces; when it is refused, the branch itself is asked why.
import type { GitSourceSpec } from '../../crds/git-source.ts'
import type { GitHost } from '../hosts/host.ts'
import { buildCommits, type Signing } from '../repository/commit-builder.ts'
import type { Mirror } from '../repository/mirror.ts'
import { MirrorError, unanswered } from '../repository/mirror-error.ts'
import type { PushResult } from '../repository/remote.ts'
import { type GroupContext, planGroup } from '../revert/group.ts'
import type { CommitPlan, RevertRequest, RevertResult } from '../revert/revert-plan.ts'
import { pathFilter } from '../source/glob.ts'
import { type BreakerOptions, createBreaker, defaultBreaker } from './breaker.ts'
import { commitAtHost, hostFor } from './commit-at-host.ts'
import { type ProposeContext, propose, suggest } from './propose.ts'

export interface WriterOptions {
  readonly mirror: Mirror
  readonly spec: Pick<GitSourceSpec, 'include' | 'exclude' | 'author'>
  /** Milliseconds since epoch. */
  readonly now: () => number
  /** For pull requests and statuses. */
  readonly host?: GitHost | undefined
  /** Ask the host to merge our pull requests by itself, unless told not to. */
  readonly autoMerge?: boolean | undefined
  readonly signing?: Signing | undefined
  /** Let the host make and sign the commits, where it can. */
  readonly isByHost?: boolean | undefined
  /** When so many reverts are asked for at once, none is written; 100 in ten minutes unless told. */
  readonly breaker?: BreakerOptions | undefined
  /** How long one revert may chase a branch that keeps moving, 60 s unless told. */
  readonly budgetMs?: number
}

export interface Writer {
  /**
   * Restores a release. Calls with one `key` are one revert, also across restarts. Rejects with an error
   * that may be shown when the host can not be reached: then try again later.
   */
  revert(request: RevertRequest): Promise<RevertResult>
}

const maxGroup = 50
const maxWaiting = 10_000

interface Waiting {
  readonly request: RevertRequest
  readonly resolve: (result: RevertResult) => void
  readonly reject: (error: unknown) => void
}

export function createWriter(options: WriterOptions): Writer {
  const { mirror } = options
  const waiting: Waiting[] = []
  const byKey = new Map<string, Promise<RevertResult>>()
  const breaker = createBreaker(options.breaker ?? defaultBreaker)
  let isRunning = false

  function revert(request: RevertRequest): Promise<RevertResult> {
    const running = byKey.get(request.key)
    if (running) return running
    if (!/^[\w.:/@+=-]{1,200}$/.test(request.key)) {
      return Promise.reject(new Error('the key of a revert must be 1 to 200 plain characters'))
    }
    if (waiting.length >= maxWaiting) {
      return Promise.reject(new Error(`more than ${maxWaiting} reverts wait for this branch`))
    }
    const { promise, resolve, reject } = Promise.withResolvers<RevertResult>()
    const tracked = promise.finally(() => byKey.delete(request.key))
    byKey.set(request.key, tracked)
    waiting.push({ request, resolve, reject })
    if (!isRunning) void drain()
    return tracked
  }

  async function drain(): Promise<void> {
    isRunning = true
    // Calls of the same turn form one group.
    await Promise.resolve()
    while (waiting.length > 0) {
      const group = waiting.splice(0, maxGroup)
      const keys = [...group, ...waiting].map(({ request }) => request.key)
      if (!breaker.admits(keys, options.now())) {
        for (const { reject } of group) reject(pausedError())
        continue
      }
      const direct = group.filter(({ request }) => !isApart(request))
      if (direct.length > 0) await writeTogether(direct)
      for (const one of group) if (isApart(one.request)) await answerAlone(one)
    }
    isRunning = false
  }

  async function writeTogether(group: readonly Waiting[]): Promise<void> {
    try {
      const requests = group.map(({ request }) => request)
      const results = await mirror.exclusive(() => mirror.healing(() => write(requests, options)))
      for (const { request, resolve } of group) {
        resolve(results.get(request.key) ?? human('the revert has no result; look at the branch'))
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  /** What the host answers to one revert says nothing about the next. */
  async function answerAlone({ request, resolve, reject }: Waiting): Promise<void> {
    const work = request.mode === 'suggest' ? suggest : propose
    const context = proposing(options)
    await mirror.exclusive(() => mirror.healing(() => work(context, request))).then(resolve, reject)
  }

  return { revert }
}

function pausedError(): MirrorError {
  const message =
    'too many releases of this repository are to be restored at once, so none is: look for one cause, such as the metrics. Writing goes on by itself when no more come'
  return new MirrorError('paused', message)
}

const isApart = ({ mode }: RevertRequest) => mode === 'pull-request' || mode === 'suggest'

function proposing(options: WriterOptions): ProposeContext {
  const { mirror, spec, host = null, autoMerge = true } = options
  const isIncluded = pathFilter(spec.include, spec.exclude)
  const build = async (plan: CommitPlan, parent: string) => {
    const [id] = await commit([plan], parent, options)
    if (id === undefined) throw new Error('git made no commit')
    return id
  }
  return { mirror, isIncluded, nowMs: options.now(), host, autoMerge, build }
}

type Results = Map<string, RevertResult>

async function write(requests: readonly RevertRequest[], options: WriterOptions): Promise<Results> {
  const { mirror, spec, now } = options
  const isIncluded = pathFilter(spec.include, spec.exclude)
  const results: Results = new Map()
  const giveUpAt = now() + (options.budgetMs ?? 60_000)
  let refusals = 0
  for (;;) {
    const { head: tip } = await mirror.fetch()
    const plans = await planOpen({ mirror, isIncluded, tip, nowMs: now() }, requests, results)
    if (plans.length === 0) return results
    const answer = await attempt(plans, results, { tip, options })
    if (answer === null) continue
    const { commits } = answer
    const head = commits.at(-1) ?? tip
    // The answer may be lost, or speak of something else: the branch itself says what happened.
    const remote = answer.isAccepted ? head : await mirror.remoteHead()
    const isWhole = commits.length === plans.length
    if (isWhole && remote === head) {
      return settle(plans, results, (i) => committed(plans[i], commits[i]))
    }
    if (remote === tip) {
      refusals += 1
      if (refusals < 2) continue
      return refused(plans, results, { answer, options })
    }
    refusals = 0
    if (now() > giveUpAt) {
      throw new MirrorError('other', 'the branch moved at each attempt to push; trying again later')
    }
  }
}

interface Attempt extends PushResult {
  readonly commits: readonly string[]
}

/** Null when some of them are not wanted any more: then the others are computed again. */
async function attempt(
  plans: readonly CommitPlan[],
  results: Results,
  { tip, options }: { readonly tip: string; readonly options: WriterOptions },
): Promise<Attempt | null> {
  const { mirror } = options
  const host = hostFor(plans, options)
  const commits = host ? [] : await commit(plans, tip, options)
  if (withdraw(plans, results)) return null
  if (host) return commitAtHost(host, plans, { tip, branch: mirror.branch })
  return { ...(await mirror.push(commits.at(-1) ?? tip)), commits }
}

/** Gives those that are not wanted any more their result; whether there were any. */
function withdraw(plans: readonly CommitPlan[], results: Results): boolean {
  const withdrawn = plans.filter(({ request }) => request.isWanted?.() === false)
  const because = 'it was withdrawn before the push: the release may be tried again'
  for (const { request } of withdrawn) {
    results.set(request.key, { state: 'Superseded', because })
  }
  return withdrawn.length > 0
}

/** Plans of what has no result yet; what needs no commit gets its result at once. */
async function planOpen(
  context: GroupContext,
  requests: readonly RevertRequest[],
  results: Results,
): Promise<readonly CommitPlan[]> {
  const open = requests.filter(({ key }) => !results.has(key))
  const group = await planGroup(context, open)
  for (const [key, result] of group.results) results.set(key, result)
  return group.plans
}

/** The branch takes no commit of ours: a pull request, where it is wanted, or a person. */
async function refused(
  plans: readonly CommitPlan[],
  results: Results,
  { answer, options }: { answer: PushResult; options: WriterOptions },
): Promise<Results> {
  const { words } = answer
  if (answer.isUnanswered) throw unanswered(words)
  if (plans.length > 1) return oneByOne(plans, results, options)
  const sentence = `the server refused the commit: ${words}`
  for (const { request } of plans) {
    const isProposed = request.mode === 'direct-then-pr'
    const result = isProposed ? await propose(proposing(options), request) : human(sentence)
    results.set(request.key, result)
  }
  return results
}

/** A server refuses a push as a whole; each revert is tried alone to find the one it does not want. */
async function oneByOne(
  plans: readonly CommitPlan[],
  results: Results,
  options: WriterOptions,
): Promise<Results> {
  for (const plan of plans) {
    for (const [key, result] of await write([plan.request], options)) results.set(key, result)
  }
  return results
}

function commit(plans: readonly CommitPlan[], tip: string, options: WriterOptions) {
  return buildCommits((args, more) => options.mirror.run(args, more), {
    parent: tip,
    plans: plans.map(({ files, message }) => ({
      files: new Map(files.map(({ path, ...file }) => [path, file])),
      message,
    })),
    author: options.spec.author,
    nowMs: options.now(),
    signing: options.signing,
  })
}

function settle(
  plans: readonly CommitPlan[],
  results: Results,
  resultOf: (index: number) => RevertResult,
): Results {
  for (const [i, plan] of plans.entries()) {
    results.set(plan.request.key, resultOf(i))
  }
  return results
}

function committed(plan: CommitPlan | undefined, id: string | undefined): RevertResult {
  if (plan === undefined || id === undefined) return human('the commit has no id')
  const note = plan.note === undefined ? '' : `. ${plan.note}`
  const because = `restored ${plan.changed} by commit ${id.slice(0, 12)}${note}`
  return { state: 'Committed', commit: id, because: because.slice(0, 1_024) }
}

function human(because: string): RevertResult {
  return { state: 'NeedsHuman', because: because.slice(0, 1_024) }
}
