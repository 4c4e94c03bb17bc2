// One revert and the tip of a branch in; the commit it needs, or why it needs none, out. Everything is read
// again for each attempt to push: a plan is only true for its tip.
import type { Mirror } from '../repository/mirror.ts'
import { isCommitId, pathProblem } from '../repository/names.ts'
import { refsOf } from './config-documents.ts'
import { planWithConfig } from './config-plan.ts'
import { changedText, type ReleaseRevert, type RestoredFile } from './config-revert.ts'
import type { Revert } from './document-revert.ts'
import { type FieldValue, revertFields } from './field-revert.ts'
import {
  type FoundRelease,
  findReleases,
  locate,
  locateUnreadable,
  type Releases,
  type Search,
  type Version,
  versionOf,
} from './history.ts'
import { renderMessage } from './message.ts'
import { askedAgain, objectionTo } from './objection.ts'
import { revertRelease } from './revert.ts'

export interface ReleaseRef {
  readonly revision: string
  /** Where it was seen; may be missing or no longer true. */
  readonly commit?: string | undefined
  /** The file as it was then, for a history that no longer holds it: after a force-push and a new mirror. */
  readonly text?: string | undefined
}

export interface RevertRequest {
  readonly rollout: { readonly namespace: string; readonly name: string; readonly uid: string }
  readonly bad: ReleaseRef
  readonly good: ReleaseRef
  /** One sentence for people. */
  readonly because: string
  /** Measurements, one a line. */
  readonly evidenceText: string
  /** Names this revert for ever: Rollout uid, bad revision and attempt. */
  readonly key: string
  /** A few words for the subject, such as the name of the check. */
  readonly reason?: string
  /** Where the Rollout was read last. */
  readonly path?: string
  /**
   * When the release was judged, in ms since epoch. After 20 minutes the revert is made only while the branch asks
   * for exactly the bad release: what has changed since was judged by nobody.
   */
  readonly decidedAtMs?: number
  /** Where the release stands outside of its Rollout; then the Rollout itself is not looked for. */
  readonly fields?: { readonly path: string; readonly values: readonly FieldValue[] } | undefined
  /** The release has configuration beside its template: both make its revision. */
  readonly hasConfig?: boolean | undefined
  /** How it reaches the branch, `direct` unless told. */
  readonly mode?: RevertMode
  /** Asked just before the push: a person may have allowed the release another try meanwhile. */
  readonly isWanted?: () => boolean
}

/**
 * direct: a commit on the branch. pull-request: a commit on a branch of its own, proposed. direct-then-pr: proposed
 * where the server refuses the commit. suggest: nothing is written.
 */
export type RevertMode = 'direct' | 'pull-request' | 'direct-then-pr' | 'suggest'

export interface RevertResult {
  /**
   * Committed: the good release is on the branch. Proposed: a pull request waits to be merged; call again when the
   * branch has moved or the host has news. Superseded: somebody changed it first. Nothing: the branch does not ask
   * for the bad release. NeedsHuman: the text or the server does not allow it.
   */
  readonly state: 'Committed' | 'Proposed' | 'Superseded' | 'Nothing' | 'NeedsHuman'
  readonly commit?: string
  /** The one that waits, or that somebody has taken over. */
  readonly pullRequest?: { readonly number: number; readonly url: string }
  readonly because: string
}

export interface PlanContext {
  readonly mirror: Mirror
  readonly isIncluded: (path: string) => boolean
  readonly tip: string
  /** Files that an earlier plan of the same push has changed. */
  readonly texts: ReadonlyMap<string, string>
}

export interface CommitPlan {
  readonly kind: 'commit'
  readonly request: RevertRequest
  readonly files: readonly PlannedFile[]
  readonly message: string
  /** The fields that change and their files, for people. */
  readonly changed: string
  /** What people should know besides. */
  readonly note?: string | undefined
}

export interface PlannedFile extends RestoredFile {
  readonly isExecutable?: boolean
}

export type RevertPlan = CommitPlan | { readonly kind: 'done'; readonly result: RevertResult }

/** What was read for the whole group; what is missing here is looked up for this revert alone. */
export interface Known {
  /** Our commit with the same key. */
  readonly same?: string | undefined
  /** Our newest commit that restored this Rollout from the same bad release, whatever its key. */
  readonly other?: string | undefined
  readonly current?: Version | undefined
  /** Text of the file of `fields` at the tip; null when it is not there. */
  readonly fieldsText?: string | null | undefined
  readonly releases?: Releases | undefined
  readonly isExpired?: boolean | undefined
  /** By commit id. */
  readonly authors?: ReadonlyMap<string, string> | undefined
}

export async function planRevert(
  context: PlanContext,
  request: RevertRequest,
  known: Known,
): Promise<RevertPlan> {
  const { mirror, isIncluded, tip, texts } = context
  const { rollout, bad, good } = request
  const name = `${rollout.namespace}/${rollout.name}`
  if (known.same !== undefined) {
    const because = `${name} was restored before, by commit ${known.same.slice(0, 12)}`
    return { kind: 'done', result: { state: 'Committed', commit: known.same, because } }
  }
  if (request.fields) return planFields(context, request, known)
  const search: Search = { mirror, rollout, isIncluded }
  const places = known.current ? [known.current] : await locate(search, tip, request.path)
  const [found] = places
  if (!found) return absent(search, tip)
  if (places.length > 1) {
    const paths = places.map(({ path }) => path).join(' and ')
    return done('NeedsHuman', `${name} is written in ${paths}; remove one and restore the other`)
  }
  const current = overlaid(search, found, texts)
  if (!current) return done('NeedsHuman', `${name} in ${found.path} can not be read any more`)
  const hasConfig = request.hasConfig || refsOf(current).length > 0
  if (hasConfig) return planConfig(context, { request, known, current })
  const objection = objectionTo({ request, branch: mirror.branch, known })(current.revision)
  if (objection) return planOf(objection, { context, request, bad: null, good: null })
  const seen = known.releases ?? (await findReleases(search, found, { bad, good }))
  const releases = {
    bad: seen.bad ?? remembered(search, bad, current.path),
    good: seen.good ?? remembered(search, good, current.path),
  }
  if (!releases.good) {
    // It may have had configuration that the bad one lacks.
    const plan = await planConfig(context, { request, known, current })
    return plan.kind === 'commit' ? plan : done('NeedsHuman', notFound(name, 'good', good))
  }
  const isBad = current.revision === bad.revision
  const badTemplate = isBad ? current.template : releases.bad?.template
  if (badTemplate === undefined) return done('NeedsHuman', notFound(name, 'bad', bad))
  const revert = revertRelease({
    rollout,
    tip: { path: current.path, text: current.text },
    bad: { template: badTemplate, text: releases.bad?.text },
    good: { template: releases.good.template, text: releases.good.text },
  })
  return planOf(revert, {
    context,
    request,
    bad: releases.bad,
    good: releases.good,
    authors: known.authors,
  })
}

/** A file that nobody can read is no word of anybody. */
async function absent(search: Search, tip: string): Promise<RevertPlan> {
  const name = `${search.rollout.namespace}/${search.rollout.name}`
  const { branch } = search.mirror
  const problem = await locateUnreadable(search, tip)
  if (problem === null) return done('Superseded', `${name} is no longer on branch ${branch}`)
  const { path, line, message } = problem
  return done(
    'NeedsHuman',
    `${name} can not be read on branch ${branch}: ${path}:${line} ${message}`,
  )
}

interface Placed {
  readonly request: RevertRequest
  readonly known: Known
  readonly current: Version
}

async function planConfig(
  context: PlanContext,
  { request, known, current }: Placed,
): Promise<RevertPlan> {
  const { mirror, isIncluded, texts } = context
  const { rollout, bad, good } = request
  const search: Search = { mirror, rollout, isIncluded }
  const objection = objectionTo({ request, branch: mirror.branch, known })
  const plan = await planWithConfig({ search, current, texts, bad, good, objection })
  const { authors } = known
  return planOf(plan.revert, { context, request, bad: plan.bad, good: plan.good, authors })
}

const stateOf = {
  superseded: 'Superseded',
  nothing: 'Nothing',
  'needs-human': 'NeedsHuman',
} as const

/** The bad value tells that the branch asks for the bad release: nothing is looked up in the history. */
async function planFields(
  context: PlanContext,
  request: RevertRequest,
  known: Known,
): Promise<RevertPlan> {
  const { isIncluded, texts } = context
  const { fields, rollout } = request
  const name = `${rollout.namespace}/${rollout.name}`
  const { path = '', values = [] } = fields ?? {}
  const problem = pathProblem(path) ?? (isIncluded(path) ? null : 'the GitSource leaves it out')
  if (problem !== null) return done('NeedsHuman', `${path} can not be written: ${problem}`)
  if (request.hasConfig && values.every(({ bad, good }) => bad === good)) {
    const because = `the releases of ${name} differ in what spec.config names, which spec.revert.include does not tell of; restore it by hand`
    return done('NeedsHuman', because)
  }
  const text = texts.get(path) ?? known.fieldsText ?? null
  const revert = revertFields({ name, tip: text === null ? null : { path, text }, fields: values })
  if (known.other !== undefined && revert.kind === 'commit') {
    return done('NeedsHuman', askedAgain(name, known.other))
  }
  const found: Found = { context, request, bad: null, good: null, authors: known.authors }
  if (!request.hasConfig || revert.kind !== 'commit') return planOf(revert, found)
  const note = 'What spec.config names stays as it is: spec.revert.include does not tell of it'
  return planOf({ kind: 'commit', files: [revert], changed: revert.changed, note }, found)
}

interface Found {
  readonly context: PlanContext
  readonly request: RevertRequest
  readonly bad: Pick<FoundRelease, 'since'> | null
  readonly good: Pick<FoundRelease, 'since'> | null
  readonly authors?: Known['authors']
}

async function planOf(revert: Revert | ReleaseRevert, found: Found): Promise<RevertPlan> {
  if (revert.kind !== 'commit') return done(stateOf[revert.kind], revert.because)
  const { context, request } = found
  const bad = { revision: request.bad.revision, commit: found.bad?.since ?? request.bad.commit }
  const good = { revision: request.good.revision, commit: found.good?.since ?? request.good.commit }
  const reason = request.reason ?? 'analysis failed'
  const badAuthor =
    found.authors?.get(bad.commit ?? '') ?? (await authorOf(context.mirror, bad.commit))
  const files = 'files' in revert ? revert.files : [{ path: revert.path, text: revert.text }]
  const note = 'note' in revert ? revert.note : undefined
  return {
    kind: 'commit',
    request,
    files,
    note,
    message: renderMessage({ ...request, bad, good, reason, badAuthor, note }),
    changed: changedText(revert.changed, files),
  }
}

/** A release from the text that was kept of it, if that is what its digest says. */
function remembered(search: Search, release: ReleaseRef, path: string): FoundRelease | null {
  const { text, revision, commit = '' } = release
  const version = text === undefined ? null : versionOf(search, { commit, path, text })
  return version?.revision === revision ? { ...version, since: commit } : null
}

function overlaid(search: Search, found: Version, texts: PlanContext['texts']): Version | null {
  const text = texts.get(found.path)
  return text === undefined ? found : versionOf(search, { ...found, text })
}

async function authorOf(mirror: Mirror, commit: string | undefined): Promise<string | undefined> {
  if (commit === undefined || !isCommitId(commit)) return undefined
  try {
    const output = await mirror.run(['log', '-1', '--format=%an', '--end-of-options', commit])
    return output.toString('utf8').trim().slice(0, 128)
  } catch {
    return undefined
  }
}

function notFound(name: string, which: string, { revision }: ReleaseRef): string {
  return `the ${which} release ${revision} of ${name} is not in the last 500 changes of its file nor in the commit remembered for it; restore it by hand`
}

function done(state: RevertResult['state'], because: string): RevertPlan {
  return { kind: 'done', result: { state, because: because.slice(0, 1_024) } }
}
