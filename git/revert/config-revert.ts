// The tip and two states of a release with its configuration in; the new texts of all its files, or why there are
// none, out. Pure. All or nothing: a release that can not come back as a whole is left to a person.
import type { ConfigRef } from '../../crds/revision.ts'
import { equal, isMapping } from '../yaml/merge.ts'
import { parseYamlFile } from '../yaml/yaml-file.ts'
import {
  type ConfigDocument,
  type ConfigState,
  configTarget,
  keyOf,
  refsOf,
} from './config-documents.ts'
import { type FileText, revertFile, type Target } from './document-revert.ts'
import { type RolloutName, type RolloutRelease, rolloutTarget } from './revert.ts'

/** A release and what stands for both lists of names at that commit. */
export interface ReleaseSide {
  readonly commit: string
  readonly rollout: RolloutRelease & FileText
  readonly config: ConfigState
}

export interface ConfigRevertInput {
  readonly rollout: RolloutName
  readonly bad: ReleaseSide
  readonly tip: ReleaseSide
  readonly good: ReleaseSide
}

export type ReleaseRevert =
  | {
      readonly kind: 'commit'
      readonly files: readonly RestoredFile[]
      /** Fields that change; those of a ConfigMap or Secret after its name. */
      readonly changed: readonly string[]
      /** What people should know besides. */
      readonly note?: string | undefined
    }
  | { readonly kind: 'superseded' | 'nothing' | 'needs-human'; readonly because: string }

export interface RestoredFile extends FileText {
  /** It is not on the branch. */
  readonly isNew?: boolean
}

/** Never throws for what is in a text. */
export function revertWithConfig(input: ConfigRevertInput): ReleaseRevert {
  const { rollout, bad, tip, good } = input
  const plans = new Map<string, FilePlan>()
  const removed: ConfigDocument[] = []
  const { path, text } = tip.rollout
  plans.set(path, {
    tip: { path, text },
    targets: [rolloutTarget(rollout, bad.rollout, good.rollout)],
    badText: bad.rollout.text,
    goodText: good.rollout.text,
  })
  for (const ref of unionOf(bad, good)) {
    const found = documentPlan(input, ref)
    if ('kind' in found) return found
    if ('removed' in found) removed.push(found.removed)
    if ('removed' in found || !found.targets[0]) continue
    const plan = plans.get(found.tip.path) ?? found
    const targets = plan === found ? found.targets : [...plan.targets, ...found.targets]
    plans.set(found.tip.path, { ...plan, targets })
  }
  return together([...plans.values()], removed, input)
}

interface FilePlan {
  readonly tip: FileText
  readonly targets: readonly Target[]
  readonly badText?: string | undefined
  readonly goodText?: string | undefined
}

/** Names of both releases, each once. */
export function unionOf(
  bad: { readonly rollout: RolloutRelease },
  good: { readonly rollout: RolloutRelease },
): ConfigRef[] {
  const all = [...refsOf(bad.rollout), ...refsOf(good.rollout)]
  return [...new Map(all.map((ref) => [keyOf(ref), ref])).values()]
}

/** The bad release took its file away, with its name in the Rollout. */
interface Removed {
  readonly removed: ConfigDocument
}

/** What else stood in the file may have been taken away by somebody else. */
function isAlone({ path, text }: ConfigDocument): boolean {
  return parseYamlFile(path, text).documents.filter(({ value }) => value !== null).length === 1
}

const nothingToDo: FilePlan = { tip: { path: '', text: '' }, targets: [] }

function documentPlan(
  { rollout: { namespace }, bad, tip, good }: ConfigRevertInput,
  ref: ConfigRef,
): FilePlan | Removed | Exclude<ReleaseRevert, { kind: 'commit' }> {
  const key = keyOf(ref)
  const name = `${ref.kind} ${namespace}/${ref.name}`
  const [was, now, wanted] = [bad, tip, good].map(({ config }) => config.documents.get(key))
  // It came with the bad release, or is not in Git: the list of names goes back, and it stays.
  if (!wanted) return nothingToDo
  const places = tip.config.twice.get(key)
  if (places) {
    const because = `${name} is written in ${places.join(' and ')}; remove one and restore the other`
    return { kind: 'needs-human', because }
  }
  if (!now) {
    if (was) return { kind: 'superseded', because: `${name} is no longer on the branch` }
    if (!refsOf(good.rollout).some((one) => keyOf(one) === key)) return nothingToDo
    const isDropped = !refsOf(bad.rollout).some((one) => keyOf(one) === key)
    if (isDropped && isAlone(wanted)) return { removed: wanted }
    const remedy = `git restore --source=${good.commit.slice(0, 12)} -- ${wanted.path}`
    const because = `the bad release removed ${name}: bring it back by ${remedy}, and the Rollout with it`
    return { kind: 'needs-human', because }
  }
  if (!was) {
    if (sameContent(now, wanted)) return nothingToDo
    const because = `${name} was written anew on the branch: somebody has changed it since`
    return { kind: 'superseded', because }
  }
  if (kindOf(was) !== kindOf(wanted) || kindOf(now) !== kindOf(wanted)) {
    return { kind: 'needs-human', because: `${name} has become another kind; restore it by hand` }
  }
  return {
    tip: { path: now.path, text: now.text },
    targets: [configTarget(namespace, was, wanted)],
    badText: was.path === now.path ? was.text : undefined,
    goodText: wanted.path === now.path ? wanted.text : undefined,
  }
}

function together(
  plans: readonly FilePlan[],
  removed: readonly ConfigDocument[],
  { tip }: ConfigRevertInput,
): ReleaseRevert {
  const reverts = plans.map((plan) => revertFile(plan))
  const stop =
    reverts.find(({ kind }) => kind === 'superseded') ??
    reverts.find(({ kind }) => kind === 'needs-human')
  if (stop && stop.kind !== 'commit') return stop
  const commits = reverts.flatMap((one) => (one.kind === 'commit' ? [one] : []))
  if (commits.length === 0) {
    return {
      kind: 'nothing',
      because: 'the branch no longer asks for what the bad release changed',
    }
  }
  const changed = [
    ...commits.flatMap((one) => one.changed),
    ...removed.map(({ ref }) => `${ref.kind} ${ref.name}`),
  ]
  const files: RestoredFile[] = [
    ...commits.map(({ path, text }) => ({ path, text })),
    ...removed.map(({ path, text }) => ({ path, text, isNew: true })),
  ]
  const note = neighbourNote(tip, changed)
  return { kind: 'commit', files, changed, note }
}

/** Others that name what goes back get it, too. */
function neighbourNote({ config }: ReleaseSide, changed: readonly string[]): string | undefined {
  const shared = [...config.documents].filter(([, { ref }]) =>
    changed.some((field) => field.startsWith(`${ref.kind} ${ref.name} `)),
  )
  const keys = new Set(shared.map(([key]) => key))
  const names = [...config.neighbours].filter(([, named]) => named.some((key) => keys.has(key)))
  if (names.length === 0) return undefined
  const shown = names.slice(0, 5).map(([name]) => name)
  const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
  return `The same configuration is named by ${shown.join(', ')}${more}, and goes back there, too`
}

export function sameContent(a: ConfigDocument | undefined, b: ConfigDocument | undefined): boolean {
  if (!a || !b) return a === b
  return a.digest !== null && b.digest !== null ? a.digest === b.digest : equal(a.value, b.value)
}

const kindOf = ({ value }: ConfigDocument) => (isMapping(value) ? value['kind'] : undefined)

/** Such as `spec.template.spec.containers[0].image in apps/checkout.yaml`. */
export function changedText(changed: readonly string[], files: readonly FileText[]): string {
  const shown = changed.slice(0, 3).join(', ')
  const fields = changed.length > 3 ? `${shown} and ${changed.length - 3} more` : shown
  return `${fields} in ${files.map(({ path }) => path).join(' and ')}`
}
