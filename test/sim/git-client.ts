// Git as one controller process uses it: the production rules of what to restore (git/revert/revert.ts), over the
// graph of the host. Fetch and push are apart, so that anything may happen between them.
import type { OpenGit } from '../../controller/sync/sync.ts'
import { revisionOf } from '../../crds/revision.ts'
import type { Revert } from '../../git/revert/document-revert.ts'
import { isOwnCommit, renderMessage, trailersOf } from '../../git/revert/message.ts'
import { type RevertInput, revertRelease } from '../../git/revert/revert.ts'
import type { RevertRequest, RevertResult } from '../../git/revert/revert-plan.ts'
import { acceptDefinitions } from '../../git/source/definition-index.ts'
import type { SourcedDefinition, SourceState } from '../../git/source/source.ts'
import { branchOf } from '../../git/write/propose.ts'
import type { Choices } from './choices.ts'
import {
  type Commit,
  definitionsIn,
  type GitHost,
  isAncestor,
  lastChange,
  type Pull,
} from './git-host.ts'
import type { Kernel, Process } from './kernel.ts'

export class GitFailure extends Error {
  override readonly name = 'GitFailure'
}

export interface GitParts {
  readonly kernel: Kernel
  readonly choices: Choices
  readonly host: GitHost
  readonly process: Process
  /** The host answers nobody before this time; the world moves it. */
  readonly downUntil: () => number
  /** Somebody else pushes, between our fetch and our push. */
  readonly interfere: (isRelease: boolean) => void
  /** Before and after each push: the process may end here. */
  readonly onPush?: ((when: 'before' | 'after') => void) | undefined
}

const fetchMs = 200
/** From the last look whether a push is wanted until it arrives. */
export const flightMs = fetchMs + 1

export function createGit(parts: GitParts): OpenGit {
  return () => {
    const running = new Map<string, Promise<RevertResult>>()
    let state: SourceState | null = null
    return {
      source: {
        refresh: async () => {
          const head = await reach(parts)
          state = read(head, state, parts.host)
          return state
        },
      },
      writer: {
        revert(request) {
          const known = running.get(request.key)
          if (known) return known
          const work = revert(parts, request).finally(() => running.delete(request.key))
          running.set(request.key, work)
          return work
        },
      },
    }
  }
}

/** Fetches; gives the head. */
async function reach({ kernel, choices, host, process, downUntil }: GitParts): Promise<Commit> {
  await pass(kernel, process)
  if (downUntil() > kernel.now()) throw new GitFailure('the host does not answer')
  if (choices.at('G4f')) throw new GitFailure('authentication failed')
  if (choices.at('C6')) throw new GitFailure('read-only file system')
  return host.head()
}

const pass = (kernel: Kernel, process: Process): Promise<void> =>
  new Promise((resolve) => {
    kernel.after(fetchMs, resolve, process)
  })

function read(head: Commit, before: SourceState | null, host: GitHost): SourceState {
  if (before?.commit === head.id) return { ...before, changed: [], rewritten: false }
  const files = new Map([...head.files].map(([path, text]) => [path, definitionsIn(text)]))
  const old = new Map((before?.definitions ?? []).map((one) => [one.identity, one]))
  const { definitions, errors, broken, isComplete } = acceptDefinitions(files, old)
  const last = before && host.find(before.commit)
  return {
    commit: head.id,
    definitions: definitions.map(
      (one): SourcedDefinition => ({ ...one, commit: lastChange(head, one.identity).id }),
    ),
    errors,
    broken,
    isComplete,
    changed: [],
    rewritten: last !== null && !isAncestor(last, head),
    files: files.size,
    skipped: 0,
  }
}

async function revert(parts: GitParts, request: RevertRequest): Promise<RevertResult> {
  const { host } = parts
  let refusals = 0
  for (;;) {
    // Asked before the branch is read: a merge in between is then seen on the branch.
    const pull = host.pull(branchOf(request))
    const tip = await reach(parts)
    const plan = planOf(tip, request, host)
    if ('state' in plan) return plan
    if (request.mode === 'suggest') return human('spec.revert.mode is suggest')
    if (request.mode === 'pull-request') return propose(parts, request, { pull, tip, plan })
    interrupt(parts)
    if (request.isWanted?.() === false) return { state: 'Superseded', because: 'withdrawn' }
    const answer = await push(parts, tip, plan)
    if (typeof answer === 'object') return answer
    refusals = answer === 'refused' ? refusals + 1 : 0
    if (refusals < 2) continue
    return request.mode === 'direct-then-pr'
      ? propose(parts, request, { pull, tip, plan })
      : human('the server refused the commit: protected branch')
  }
}

/** Others commit between our fetch and our push. */
function interrupt({ choices, interfere }: GitParts): void {
  if (choices.at('G1f')) interfere(false)
  if (choices.at('G2f')) interfere(true)
}

async function push(
  { kernel, choices, host, process, downUntil }: GitParts,
  tip: Commit,
  { path, text, message }: Plan,
): Promise<RevertResult | 'refused' | 'moved'> {
  const commit = host.build(tip, { author: 'Sluice', message, files: { [path]: text } })
  await pass(kernel, process)
  if (downUntil() > kernel.now()) throw new GitFailure('the host does not answer')
  if (choices.at('G9f')) return 'refused'
  if (!host.push(tip, commit)) return 'moved'
  if (choices.at('G3f')) throw new GitFailure('the connection was lost after the push')
  return { state: 'Committed', commit: commit.id, because: `restored ${path}` }
}

const human = (because: string): RevertResult => ({ state: 'NeedsHuman', because })

interface Proposing {
  readonly pull: Pull | null
  readonly tip: Commit
  readonly plan: Plan
}

/** The rules of git/write/propose.ts over this graph; nobody pushes to our branch. */
async function propose(
  { kernel, host, process, downUntil }: GitParts,
  request: RevertRequest,
  { pull, tip, plan }: Proposing,
): Promise<RevertResult> {
  const { path, text, message } = plan
  if (pull?.state === 'merged') return human('it was restored, and asked for again since')
  if (pull?.state === 'closed') return { state: 'Superseded', because: 'closed without merging' }
  const isCurrent =
    pull?.commit.files.get(path) === text &&
    pull.commit.parent?.files.get(path) === tip.files.get(path)
  await pass(kernel, process)
  if (downUntil() > kernel.now()) throw new GitFailure('the host does not answer')
  const commit = isCurrent
    ? pull.commit
    : host.build(tip, { author: 'Sluice', message, files: { [path]: text } })
  const { number } = isCurrent ? pull : host.propose(branchOf(request), commit)
  const pullRequest = { number, url: `https://git.example/shop/pulls/${number}` }
  return { state: 'Proposed', pullRequest, because: `pull request ${number} restores ${path}` }
}

interface Plan {
  readonly path: string
  readonly text: string
  readonly message: string
}

/** The rules of git/revert/revert-plan.ts over this graph. */
export function planOf(tip: Commit, request: RevertRequest, host: GitHost): Plan | RevertResult {
  const { rollout, bad, good, key } = request
  const earlier = own(tip, key)
  if (earlier) return { state: 'Committed', commit: earlier.id, because: 'restored before' }
  const [found, second] = versionsAt(tip, rollout)
  if (!found) return { state: 'Superseded', because: 'no longer on the branch' }
  if (second) return { state: 'NeedsHuman', because: 'written in two files' }
  if (found.revision === good.revision) {
    return { state: 'Nothing', because: 'the branch asks for the good release already' }
  }
  const versions = [...history(tip)].flatMap((commit) => versionsAt(commit, rollout).slice(0, 1))
  const releaseOf = (revision: string, commit: string | undefined) => {
    const remembered = commit === undefined ? null : host.find(commit)
    return (
      versions.find((one) => one.revision === revision) ??
      (remembered && versionsAt(remembered, rollout).find((one) => one.revision === revision))
    )
  }
  const goodVersion = releaseOf(good.revision, good.commit)
  if (!goodVersion) return { state: 'NeedsHuman', because: 'the good release is not found' }
  const badVersion = found.revision === bad.revision ? found : releaseOf(bad.revision, bad.commit)
  if (!badVersion) return { state: 'NeedsHuman', because: 'the bad release is not found' }
  const result = memorized({
    rollout: { namespace: rollout.namespace, name: rollout.name },
    tip: { path: found.path, text: found.text },
    bad: { template: badVersion.template, text: badVersion.text },
    good: { template: goodVersion.template, text: goodVersion.text },
  })
  if (result.kind !== 'commit') {
    const states = {
      superseded: 'Superseded',
      nothing: 'Nothing',
      'needs-human': 'NeedsHuman',
    } as const
    return { state: states[result.kind], because: result.because }
  }
  const message = renderMessage({ ...request, reason: request.reason ?? 'analysis failed' })
  return { path: result.path, text: result.text, message }
}

interface Version {
  readonly path: string
  readonly text: string
  readonly template: unknown
  readonly revision: string
}

function versionsAt(commit: Commit, { namespace, name }: RevertRequest['rollout']): Version[] {
  const identity = `Rollout/${namespace}/${name}`
  return [...commit.files].flatMap(([path, text]) => {
    if (!text.includes('sluice.dev/')) return []
    const found = definitionsIn(text).definitions.find((one) => one.identity === identity)
    if (!found) return []
    const { template } = found.object['spec'] as { template: unknown }
    return [{ path, text, template, revision: found.revision ?? revisionOf(template) }]
  })
}

export function own(tip: Commit, key: string): Commit | null {
  for (const commit of history(tip)) {
    const { message } = commit
    if (isOwnCommit(message) && trailersOf(message).get('Sluice-Key') === key) return commit
  }
  return null
}

export function* history(tip: Commit): Generator<Commit> {
  for (let at: Commit | null = tip; at; at = at.parent) yield at
}

const memory = new Map<string, Revert>()

/** A pure function of a few texts, asked again in thousands of runs. */
function memorized(input: RevertInput): Revert {
  const key = JSON.stringify([input.tip, input.bad, input.good])
  const known = memory.get(key)
  if (known) return known
  const result = revertRelease(input)
  if (memory.size > 5_000) memory.clear()
  memory.set(key, result)
  return result
}
