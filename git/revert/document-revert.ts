// One file at the tip, and for some of its documents the bad and the good values of a few fields, in; the new text,
// or why none is needed, out. Pure. The result is proven: read again, only those fields differ, and as merged.
import { equal, isMapping, mergeRelease } from '../yaml/merge.ts'
import { Unspliceable } from '../yaml/places.ts'
import { spliceEdits } from '../yaml/splice.ts'
import { type FieldPath, parseYamlFile, type YamlDocument } from '../yaml/yaml-file.ts'

export interface FileText {
  readonly path: string
  readonly text: string
}

export interface FieldSides {
  /** Such as `spec.template`; at most two parts. */
  readonly path: FieldPath
  readonly bad: unknown
  readonly good: unknown
}

/** One document of the file. */
export interface Target {
  /** For sentences, such as `shop/checkout` or `ConfigMap shop/checkout-env`. */
  readonly name: string
  /** Before the name of a field, for people; empty for the Rollout itself. */
  readonly prefix: string
  readonly find: (documents: readonly YamlDocument[]) => YamlDocument | null
  readonly fields: readonly FieldSides[]
  /** A text that holds the good document: its spelling is used. */
  readonly goodText: string
}

export interface FileRevertInput {
  readonly tip: FileText
  readonly targets: readonly Target[]
  /** The file in the bad and in the good release, if known: then its formatting can be restored, too. */
  readonly badText?: string | undefined
  readonly goodText?: string | undefined
}

export type Revert =
  | {
      readonly kind: 'commit'
      readonly path: string
      readonly text: string
      /** Fields that change, such as `spec.template.spec.containers[0].image`. */
      readonly changed: readonly string[]
    }
  | { readonly kind: 'superseded'; readonly because: string }
  | { readonly kind: 'nothing'; readonly because: string }
  | { readonly kind: 'needs-human'; readonly because: string }

/** A field of a document with its merged value. */
interface Wanted {
  readonly target: Target
  readonly field: FieldSides
  readonly value: unknown
}

/** Never throws for what is in a text. */
export function revertFile(input: FileRevertInput): Revert {
  const { tip, targets } = input
  const { documents } = parseYamlFile(tip.path, tip.text)
  const wanted: Wanted[] = []
  const changed: string[] = []
  for (const target of targets) {
    const { name } = target
    const document = target.find(documents)
    if (!document) return superseded(`${name} is no longer in ${tip.path}`)
    if (document.problems.length > 0) {
      return needsHuman(`${name} in ${tip.path} can not be read at the tip`)
    }
    for (const field of target.fields) {
      const sides = { bad: field.bad, tip: fieldOf(document, field.path), good: field.good }
      const merge = mergeRelease(sides)
      if (merge.kind === 'third-value') {
        const place = fieldName([...field.path, ...merge.path])
        return superseded(
          `${place} of ${name} has a third value on the branch: somebody has changed it since`,
        )
      }
      if (merge.edits.length > 0) wanted.push({ target, field, value: merge.value })
      changed.push(
        ...merge.edits.map((edit) => target.prefix + fieldName([...field.path, ...edit.path])),
      )
    }
  }
  if (changed.length === 0) {
    return {
      kind: 'nothing',
      because: 'the branch no longer asks for what the bad release changed',
    }
  }
  return rewritten(input, wanted, changed)
}

function rewritten(
  { tip, badText, goodText }: FileRevertInput,
  wanted: readonly Wanted[],
  changed: readonly string[],
): Revert {
  const names = [...new Set(wanted.map(({ target }) => target.name))].join(' and ')
  const commit = (text: string): Revert => ({ kind: 'commit', path: tip.path, text, changed })
  const { documents } = parseYamlFile(tip.path, tip.text)
  for (const { target } of wanted) {
    if (!target.find(parseYamlFile(tip.path, target.goodText).documents)) {
      return needsHuman(`the good text does not hold ${target.name}`)
    }
  }
  if (tip.text === badText && goodText !== undefined && isProven(tip.text, goodText, wanted)) {
    return commit(goodText)
  }
  if (documents.some(({ value }) => isSealed(value))) {
    return needsHuman(
      `${tip.path} is encrypted by SOPS, whose seal an edit would break; restore ${changed[0]} by hand`,
    )
  }
  try {
    const text = wanted.reduce(
      (before, one) => spliced({ ...tip, text: before }, one, badText),
      tip.text,
    )
    if (isProven(tip.text, text, wanted)) return commit(text)
    return needsHuman(
      `the text of ${names} in ${tip.path} is shared with other fields by anchors, or is written in a form that can not be edited safely; restore ${changed[0]} by hand`,
    )
  } catch (error) {
    if (!(error instanceof Unspliceable)) throw error
    return needsHuman(
      `${tip.path} can not be edited in place: ${error.message}; restore ${changed[0]} by hand`,
    )
  }
}

/** A field that comes, goes or is replaced as a whole is an edit of what is around it. */
function spliced(tip: FileText, { target, field }: Wanted, badText: string | undefined): string {
  const document = target.find(parseYamlFile(tip.path, tip.text).documents)
  const good = target.find(parseYamlFile(tip.path, target.goodText).documents)
  if (!document || !good) throw new Unspliceable(`${target.name} is not where it was expected`)
  const sides = { bad: field.bad, tip: fieldOf(document, field.path), good: field.good }
  const merge = mergeRelease(sides)
  if (merge.kind === 'third-value') throw new Unspliceable('a field changed on the way')
  const isWhole = merge.edits.some(({ path }) => path.length === 0)
  const written = (text: string, one: YamlDocument, root: FieldPath) => ({
    text,
    document: one,
    root,
  })
  const root = isWhole ? field.path.slice(0, -1) : field.path
  const whole = isWhole ? wholeField({ document, good, field }) : merge
  const node = document.node(root)
  if (isWhole && node !== null && 'flow' in node && node.flow === true && field.path.length > 0) {
    // A template in braces is written anew as it always was; what stands around it never is.
    if (!isInBraces(document, field.path)) throw new Unspliceable('it is written in braces')
    return spliceEdits({
      tip: written(tip.text, document, field.path),
      good: written(target.goodText, good, field.path),
      badText,
      merged: merge.value,
      edits: merge.edits,
    })
  }
  return spliceEdits({
    tip: written(tip.text, document, root),
    good: written(target.goodText, good, root),
    badText,
    merged: whole.value,
    edits: whole.edits,
  })
}

interface WholeField {
  readonly document: YamlDocument
  readonly good: YamlDocument
  readonly field: FieldSides
}

/** The same merge, seen from the mapping around the field: it knows the siblings. */
function wholeField({ document, good, field }: WholeField) {
  const around = field.path.slice(0, -1)
  const key = String(field.path.at(-1))
  const now = mappingOf(fieldOf(document, around))
  const order = Object.keys(mappingOf(fieldOf(good, around)))
  const side = (value: unknown) => {
    const keys = [...new Set([...order, ...Object.keys(now)])]
    const entries = keys.map((name) => [name, name === key ? value : now[name]] as const)
    return Object.fromEntries(entries.filter(([, member]) => member !== undefined))
  }
  const merge = mergeRelease({ bad: side(field.bad), tip: now, good: side(field.good) })
  if (merge.kind === 'third-value') throw new Unspliceable('a field changed on the way')
  return merge
}

function isInBraces(document: YamlDocument, path: FieldPath): boolean {
  const node = document.node(path)
  return node !== null && 'flow' in node && node.flow === true
}

function mappingOf(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {}
}

/** The value of a field of a document. */
export function fieldOf({ value }: Pick<YamlDocument, 'value'>, path: FieldPath): unknown {
  return path.reduce((at: unknown, part) => (isMapping(at) ? at[String(part)] : undefined), value)
}

function isProven(before: string, text: string, wanted: readonly Wanted[]): boolean {
  const old = parseYamlFile('', before).documents
  const now = parseYamlFile('', text).documents
  if (old.length !== now.length) return false
  if (now.some(({ problems }, i) => problems.length > 0 && old[i]?.problems.length === 0)) {
    return false
  }
  const places = wanted.map((one) => ({ ...one, at: one.target.find(now)?.index }))
  const isMerged = places.every(({ at, field, value }) => {
    const document = at === undefined ? undefined : now[at]
    return document !== undefined && equal(fieldOf(document, field.path), value)
  })
  if (!isMerged) return false
  return old.every(({ value }, i) => {
    const paths = places.filter(({ at }) => at === i).map(({ field }) => field.path)
    const rest = (one: unknown) =>
      paths.reduce((left, path) => without(left, path), withoutSeal(one))
    return equal(rest(value), rest(now[i]?.value))
  })
}

function without(value: unknown, [first, ...rest]: FieldPath): unknown {
  if (first === undefined) return null
  if (!isMapping(value)) return value
  return { ...value, [first]: without(value[first], rest) }
}

/** A document under the seal of SOPS: a digest of all its values, which only its keys can make again. */
export function isSealed(value: unknown): boolean {
  const seal = isMapping(value) ? value['sops'] : undefined
  return isMapping(seal) && seal['mac'] !== undefined
}

/** The seal of another release is another one. */
function withoutSeal(value: unknown): unknown {
  return isMapping(value) && isSealed(value) ? { ...value, sops: null } : value
}

/** Field paths as people write them: `spec.template.spec.containers[0].image`. */
export function fieldName(path: FieldPath): string {
  return path
    .map((part) => (typeof part === 'number' ? (part < 0 ? '[+]' : `[${part}]`) : `.${part}`))
    .join('')
    .replace(/^\./, '')
}

function needsHuman(because: string): Revert {
  return { kind: 'needs-human', because }
}

function superseded(because: string): Revert {
  return { kind: 'superseded', because }
}
