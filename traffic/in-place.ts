// A user's route in, the same route with the destinations of one host split by revision out, and the way
// back. Third destinations, other rules and all other fields stay as they are.
import { isEqual } from '../crds/weights.ts'
import type { KubeObject } from '../kube/api.ts'
import { type Edit, type Edits, editsOf, isByName, withEdits } from './records.ts'
import {
  type Aside,
  type At,
  assertWeights,
  isSameAside,
  Refused,
  type RouteChange,
  type StoredRoute,
  together,
  unwritten,
  type Weights,
} from './router.ts'
import { apportion, percents } from './shares.ts'

/** A destination, as the mesh writes it. */
// Opaque JSON of the user: only the dialect looks into it.
export type Entry = KubeObject['spec']

/** A rule that is split: `spec[list][index][field]` are its destinations. */
export interface Located {
  readonly key: string
  readonly list: string
  readonly index: number
  readonly field: string
}

/** How one mesh writes routes. */
export interface Dialect {
  /** The rules this Rollout splits. Throws `Refused` when one is missing or not told apart. */
  locate(object: KubeObject, at: At): readonly Located[]
  isOurs(entry: Entry, at: At): boolean
  /** The revision a destination of ours leads to; another text for one that Sluice did not write. */
  revisionOf(entry: Entry, at: At): string
  weightOf(entry: Entry, count: number): number
  /** A destination like `template`, for a revision, without its weight. */
  entryFor(template: Entry, revision: string, at: At): Entry
  /** The object without what `aside` had added. */
  strip(object: KubeObject, at: At, aside: Aside | null): KubeObject
  /** The object with what `aside` asks for. Throws `Refused` for what these rules can not do. */
  decorate(object: KubeObject, at: At, aside: Aside | undefined): KubeObject
  hasAside(object: KubeObject, at: At, aside: Aside): boolean
  /** Pointer, relative to an entry, of the field that tells where it leads. */
  readonly identity: string
}

export function renderInPlace(
  dialect: Dialect,
  current: KubeObject | null,
  change: RouteChange,
): KubeObject {
  assertWeights(change.weights)
  if (!current) throw new Refused('the route to edit does not exist')
  const before = editsOf(current)
  const edits: Record<string, Edit> = { ...before }
  let object = dialect.strip(current, change, asideIn(before, change))
  for (const place of dialect.locate(object, change)) {
    const rule = { entries: entriesOf(object, place), edit: before[place.key], at: change }
    const edit = nextEdit(dialect, rule, change)
    edits[place.key] = edit
    object = withEntries(object, place, split(dialect, { ...rule, edit }))
  }
  return withEdits(dialect.decorate(object, change, change.aside), edits)
}

export function readInPlace(dialect: Dialect, current: KubeObject | null, at: At): StoredRoute {
  if (!current) return unwritten
  const edits = editsOf(current)
  const aside = asideIn(edits, at)
  const routes = dialect.locate(current, at).map((place): StoredRoute => {
    const edit = edits[place.key]
    if (!edit || edit.uid !== at.owner.reference.uid) return unwritten
    const shares = sharesOf(dialect, entriesOf(current, place), at)
    const weights = percents(shares, edit.weights)
    return { weights, decision: edit.decision, since: edit.since, aside: null }
  })
  const isThere = aside !== null && dialect.hasAside(current, at, aside)
  return { ...together(routes), aside: isThere ? aside : null }
}

export function restoreInPlace(dialect: Dialect, current: KubeObject, at: At): KubeObject {
  const before = editsOf(current)
  const left: Record<string, Edit> = { ...before }
  let object = dialect.strip(current, at, asideIn(before, at))
  for (const place of dialect.locate(object, at)) {
    const edit = before[place.key]
    if (!edit || !isByName(edit, at.owner)) continue
    delete left[place.key]
    const entries = entriesOf(object, place)
    // Somebody has written the rule anew since: that is what it is to say.
    if (!isWritten(dialect, { entries, edit, at })) continue
    const restored = entries.filter((entry) => !dialect.isOurs(entry, at))
    for (const [index, entry] of edit.original) restored.splice(index, 0, entry)
    object = withEntries(object, place, restored)
  }
  return withEdits(object, left)
}

/** Pointers of names of rules and of where their destinations lead, as they stand now. */
export function guardsInPlace(dialect: Dialect, current: KubeObject, at: At): string[] {
  return dialect.locate(current, at).flatMap((place) => {
    const rule = `/spec/${place.list}/${place.index}`
    const isNamed = current['spec'][place.list][place.index].name !== undefined
    const identities = entriesOf(current, place).map(
      (_, i) => `${rule}/${place.field}/${i}${dialect.identity}`,
    )
    return [...(isNamed ? [`${rule}/name`] : []), ...identities]
  })
}

interface Rule {
  readonly entries: readonly Entry[]
  readonly edit: Edit | undefined
  readonly at: At
}

/** What is written down of a rule. What it said before is kept until somebody says something else. */
function nextEdit(dialect: Dialect, rule: Rule, change: RouteChange): Edit {
  const { entries, edit } = rule
  const { owner, weights, decision, now, aside } = change
  if (edit && !isByName(edit, owner)) {
    throw new Refused(
      `this rule is split by Rollout ${edit.rollout} already: give one of them another`,
    )
  }
  if (!entries.some((entry) => dialect.isOurs(entry, change))) {
    throw new Refused(`this rule has no destination of the host that ${owner.name} splits`)
  }
  const isKept = edit !== undefined && isWritten(dialect, rule)
  const recorded = edit?.weights ?? {}
  // Somebody may have written other weights beside our record: then ours come into effect only now.
  const served = percents(sharesOf(dialect, entries, change), recorded)
  const isSame =
    isEqual(recorded, weights) &&
    isEqual(served, weights) &&
    isSameAside(edit?.aside ?? null, aside ?? null)
  const since = isKept && isSame ? edit.since : now
  const found = entries.flatMap((entry, i): Edit['original'] =>
    dialect.isOurs(entry, change) ? [[i, entry]] : [],
  )
  return {
    uid: owner.reference.uid,
    rollout: owner.name,
    decision,
    since,
    weights,
    ...(aside ? { aside } : {}),
    original: isKept ? edit.original : found,
  }
}

/** Whether all destinations of ours are as Sluice left them: none of them was written by somebody else. */
function isWritten(dialect: Dialect, { entries, edit, at }: Rule): boolean {
  return entries
    .filter((entry) => dialect.isOurs(entry, at))
    .every((entry) => edit?.weights[dialect.revisionOf(entry, at)] !== undefined)
}

function split(dialect: Dialect, rule: Rule & { readonly edit: Edit }): Entry[] {
  const { entries, edit, at } = rule
  const isOurs = (entry: Entry) => dialect.isOurs(entry, at)
  const first = entries.findIndex(isOurs)
  const template = entries[first] ?? {}
  const known = new Map(
    entries.filter(isOurs).map((entry) => [dialect.revisionOf(entry, at), entry]),
  )
  const shares = apportion(edit.weights, totalOf(dialect, rule))
  const ours = Object.entries(shares).map(([revision, weight]) => ({
    ...(known.get(revision) ?? dialect.entryFor(template, revision, at)),
    weight,
  }))
  const others = (part: readonly Entry[]) => part.filter((entry) => !isOurs(entry))
  return [...others(entries.slice(0, first)), ...ours, ...others(entries.slice(first))]
}

/** What the rule gave to this host before: of it revisions get their share. 100 when it is alone. */
function totalOf(dialect: Dialect, { entries, edit, at }: Rule): number {
  const others = entries.filter((entry) => !dialect.isOurs(entry, at)).length
  const originals = (edit?.original ?? []).map(([, entry]) => entry)
  const count = originals.length + others
  const total = originals.reduce((sum, entry) => sum + dialect.weightOf(entry, count), 0)
  if (total === 0) throw new Refused('this rule gives no traffic to the host that is to be split')
  return others === 0 ? 100 : total
}

function sharesOf(dialect: Dialect, entries: readonly Entry[], at: At): Weights {
  const shares: Record<string, number> = {}
  for (const entry of entries.filter((candidate) => dialect.isOurs(candidate, at))) {
    const key = dialect.revisionOf(entry, at)
    shares[key] = (shares[key] ?? 0) + dialect.weightOf(entry, entries.length)
  }
  return shares
}

function asideIn(edits: Edits, { owner }: At): Aside | null {
  const mine = Object.values(edits).find((edit) => isByName(edit, owner))
  return mine?.aside ?? null
}

function entriesOf(object: KubeObject, { list, index, field }: Located): readonly Entry[] {
  return object['spec'][list][index][field] ?? []
}

function withEntries(object: KubeObject, place: Located, entries: readonly Entry[]): KubeObject {
  const { list, index, field } = place
  const rules: KubeObject['spec'][] = [...object['spec'][list]]
  rules[index] = { ...rules[index], [field]: entries }
  return { ...object, spec: { ...object['spec'], [list]: rules } }
}
