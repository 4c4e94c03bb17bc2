// A release with configuration that is to go back, and the tip of a branch, in; the new texts of its files, or why
// there are none, out. What comes back is known by its digest; where Git can not tell that, by commits that agree.
import type { ConfigRef } from '../../crds/revision.ts'
import { equal } from '../yaml/merge.ts'
import { keyOf, refsOf, revisionIn } from './config-documents.ts'
import {
  configAt,
  type FoundState,
  findStates,
  parentOf,
  type ReleaseState,
  readState,
} from './config-history.ts'
import {
  type ReleaseRevert,
  type ReleaseSide,
  revertWithConfig,
  sameContent,
  unionOf,
} from './config-revert.ts'
import { type ReleaseHint, type Search, type Version, versionOf } from './history.ts'

export interface ConfigPlanInput {
  readonly search: Search
  /** Where the Rollout is at the tip, with the changes of earlier plans. */
  readonly current: Version
  /** Files that an earlier plan of the same push has changed. */
  readonly texts: ReadonlyMap<string, string>
  readonly bad: ReleaseHint
  readonly good: ReleaseHint
  /** Asked about the revision at the tip, null when it is neither: why nothing is to be done, or null. */
  readonly objection: (revision: string | null) => ReleaseRevert | null
}

export interface ConfigPlan {
  readonly revert: ReleaseRevert
  readonly bad: FoundState | null
  readonly good: FoundState | null
}

export async function planWithConfig(input: ConfigPlanInput): Promise<ConfigPlan> {
  const { search, current, texts, bad, good, objection } = input
  const tip = await tipOf(input)
  const revert = tip.revision === null ? null : objection(tip.revision)
  if (revert) return { revert, bad: null, good: null }
  const seen = texts.size === 0 ? tip : await readState(search, current.commit, current.path)
  const found = await findStates(search, seen ?? tip, { bad, good })
  const isBad = tip.revision === bad.revision
  // Where no commit of the bad release is found, its formatting is not known either.
  const badState = found.bad ?? (isBad ? { ...tip, rollout: { ...current, text: '' } } : null)
  if (found.good && badState) {
    const result = await restored(input, { bad: badState, good: found.good })
    const isProven = result.kind !== 'commit' || !isBad || (await isGood(input, result, found.good))
    if (isProven) return { revert: result, bad: found.bad, good: found.good }
    const because = `the configuration would not be that of release ${good.revision}; restore it by hand`
    return { revert: { kind: 'needs-human', because }, bad: null, good: null }
  }
  const agreed = await byCommit(input, tip)
  if ('problem' in agreed) {
    const because = `${nameOf(search)}: ${agreed.problem}; restore the last good one by hand`
    return { revert: { kind: 'needs-human', because }, bad: null, good: null }
  }
  const still = objection(nameByTemplate(tip, input, agreed))
  if (still) return { revert: still, bad: null, good: null }
  const result = await restored(input, agreed)
  return { ...agreed, revert: result }
}

/** Both sides with what either of them names, as it was and as it is; `restore` of the plugin uses it, too. */
export async function restored(
  { search, current, texts }: Pick<ConfigPlanInput, 'search' | 'current' | 'texts'>,
  { bad, good }: { readonly bad: ReleaseState; readonly good: ReleaseState },
): Promise<ReleaseRevert> {
  const refs = unionOf(bad, good)
  const { rollout } = search
  const { commit } = current
  const tip = { commit, rollout: current, config: await configAt(search, commit, refs, { texts }) }
  const hints = [...new Set([...tip.config.documents.values()].map(({ path }) => path))]
  const side = async (one: Omit<ReleaseSide, 'config'>): Promise<ReleaseSide> => {
    return { ...one, config: await configAt(search, one.commit, refs, { hints }) }
  }
  const sides = { tip, bad: await side(bad), good: await side(good) }
  const absent = refs.filter((ref) => !tip.config.documents.has(keyOf(ref)))
  return noted(revertWithConfig({ rollout, ...sides }), absent, search)
}

async function tipOf({ search, current, texts }: ConfigPlanInput): Promise<ReleaseState> {
  const config = await configAt(search, current.commit, refsOf(current), { texts })
  const { commit } = current
  return { commit, rollout: current, config, revision: revisionIn(current, config) }
}

/** Read again, the files hold the good release and nothing less. */
async function isGood(
  { search, current, texts }: ConfigPlanInput,
  { files }: Extract<ReleaseRevert, { kind: 'commit' }>,
  { revision }: FoundState,
): Promise<boolean> {
  const after = new Map([...texts, ...files.map(({ path, text }) => [path, text] as const)])
  const text = after.get(current.path) ?? current.text
  const version = versionOf(search, { ...current, text })
  if (!version) return false
  const config = await configAt(search, current.commit, refsOf(version), { texts: after })
  return revisionIn(version, config) === revision
}

/** What the branch asks for, where its configuration is that of the bad release anyway. */
function nameByTemplate(
  { rollout }: ReleaseState,
  input: ConfigPlanInput,
  { bad, good }: Agreed,
): string | null {
  const isLike = (other: Version) =>
    equal(rollout.template, other.template) && equal(rollout.config, other.config)
  if (isLike(bad.rollout)) return input.bad.revision
  return isLike(good.rollout) ? input.good.revision : null
}

type Agreed = {
  readonly bad: FoundState
  readonly good: FoundState
}

/**
 * Both releases by the commits that were remembered. Those name the last change of the Rollout, not of what it names:
 * they are believed where the configuration in Git was the same on both ends of the time each release had.
 */
async function byCommit(
  input: ConfigPlanInput,
  tip: ReleaseState,
): Promise<Agreed | { readonly problem: string }> {
  const { search, current } = input
  const good = await readState(search, input.good.commit, current.path)
  const bad = await readState(search, input.bad.commit, current.path)
  if (!good || !bad) {
    const problem =
      'with spec.config, releases are known by their digests or their commits, and these are not there'
    return { problem }
  }
  const refs = unionOf(bad, good)
  const unknown = refs.filter((ref) => isUnknown(ref, [bad, good]))
  if (unknown.length === 0) {
    const problem = `the template and configuration of release ${input.good.revision} are in none of the last 500 changes of their files`
    return { problem }
  }
  const odd = oddity(unknown, [tip, bad, good])
  if (odd !== null) return { problem: odd }
  const before = await readState(search, await parentOf(search, bad.commit), current.path)
  const isSettled = refs.every((ref) => {
    const at = ({ config }: ReleaseState) => config.documents.get(keyOf(ref))
    return (!before || sameContent(at(good), at(before))) && sameContent(at(bad), at(tip))
  })
  const names = unknown.map((ref) => `${ref.kind} ${ref.name}`).join(' and ')
  if (!isSettled) {
    const problem = `Git can not tell what ${names} held, and the configuration was changed by other commits, too`
    return { problem }
  }
  const isSame = equal(bad.rollout.template, good.rollout.template)
  const isSameConfig = refs.every((ref) => {
    const at = ({ config }: ReleaseState) => config.documents.get(keyOf(ref))
    return sameContent(at(bad), at(good))
  })
  if (isSame && isSameConfig && equal(bad.rollout.config, good.rollout.config)) {
    return {
      problem: `the releases differ in what ${names} held, which Git can not tell, and not in the template`,
    }
  }
  return {
    bad: { ...bad, since: bad.commit },
    good: { ...good, since: good.commit },
  }
}

function isUnknown(ref: ConfigRef, states: readonly ReleaseState[]): boolean {
  return states.some(({ rollout, config }) => {
    const isNamed = refsOf(rollout).some((one) => keyOf(one) === keyOf(ref))
    const digest = config.documents.get(keyOf(ref))?.digest ?? null
    return isNamed && (digest === null || config.twice.has(keyOf(ref)))
  })
}

/** What no commit of ours could restore. */
function oddity(unknown: readonly ConfigRef[], states: readonly ReleaseState[]): string | null {
  for (const ref of unknown) {
    for (const { config } of states) {
      const name = `${ref.kind} ${ref.name}`
      const made = config.generated.get(keyOf(ref))
      if (made !== undefined)
        return `${name} is made by a generator of ${made}, which holds no document of it`
      const twice = config.twice.get(keyOf(ref))
      if (twice) return `${name} is written in ${twice.join(' and ')}`
    }
  }
  return null
}

function noted(
  revert: ReleaseRevert,
  absent: readonly ConfigRef[],
  { rollout }: Search,
): ReleaseRevert {
  if (revert.kind !== 'commit') return revert
  const left = absent.filter((ref) => !revert.changed.includes(`${ref.kind} ${ref.name}`))
  if (left.length === 0) return revert
  const names = left.map((ref) => `${ref.kind} ${rollout.namespace}/${ref.name}`).join(', ')
  const note = `${names} is not in Git and stays as it is`
  return { ...revert, note: revert.note === undefined ? note : `${revert.note}. ${note}` }
}

const nameOf = ({ rollout }: Search) => `${rollout.namespace}/${rollout.name}`
