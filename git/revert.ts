// The text at the tip, the bad release and the good one in; the new text, or why none is needed, out.
// Pure. The result is proven: read again, only this release differs, and it is what the merge says.
import { revisionOf } from '../crds/revision.ts'
import { equal, isMapping, mergeRelease } from './merge.ts'
import { Unspliceable } from './places.ts'
import type { Written } from './spelling.ts'
import { spliceEdits } from './splice.ts'
import { type FieldPath, parseYamlFile, type YamlDocument } from './yaml-file.ts'

export interface RolloutName {
  readonly namespace: string
  readonly name: string
}

export interface FileText {
  readonly path: string
  readonly text: string
}

export interface RevertInput {
  readonly rollout: RolloutName
  /** The file that holds the Rollout at the tip, wherever it is now; null when it is gone. */
  readonly tip: FileText | null
  /** `text` is the file of the bad release, if known: then its formatting can be restored too. */
  readonly bad: { readonly template: unknown; readonly text?: string | undefined }
  readonly good: { readonly template: unknown; readonly text: string }
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

const templatePath: FieldPath = ['spec', 'template']

/** Restores the release of one Rollout; see the README for the rules. Never throws for what is in a text. */
export function revertRelease(input: RevertInput): Revert {
  const { rollout, tip, bad, good } = input
  const name = `${rollout.namespace}/${rollout.name}`
  if (!tip) return { kind: 'superseded', because: `${name} is no longer on the branch` }
  const documents = parseYamlFile(tip.path, tip.text).documents
  const document = findRollout(documents, rollout)
  if (!document) return { kind: 'superseded', because: `${name} is no longer in ${tip.path}` }
  if (document.problems.length > 0) {
    return { kind: 'needs-human', because: `${name} in ${tip.path} can not be read at the tip` }
  }
  const merge = mergeRelease({ bad: bad.template, tip: templateOf(document), good: good.template })
  if (merge.kind === 'third-value') {
    const field = fieldName([...templatePath, ...merge.path])
    const because = `${field} of ${name} has a third value on the branch: somebody has changed it since`
    return { kind: 'superseded', because }
  }
  if (merge.edits.length === 0) {
    return {
      kind: 'nothing',
      because: `the branch no longer asks for what the bad release changed`,
    }
  }
  const changed = merge.edits.map((edit) => fieldName([...templatePath, ...edit.path]))
  const commit = (text: string): Revert => ({ kind: 'commit', path: tip.path, text, changed })
  const goodDocuments = parseYamlFile(tip.path, good.text).documents
  const goodDocument = findRollout(goodDocuments, rollout)
  if (!goodDocument) return { kind: 'needs-human', because: `the good text does not hold ${name}` }
  const isProven = (text: string) =>
    onlyReleaseDiffers({ before: tip.text, text, rollout }, merge.value)
  if (tip.text === bad.text && isProven(good.text)) return commit(good.text)
  if (documents.some(({ value }) => isSealed(value))) {
    const because = `${tip.path} is encrypted by SOPS, whose seal an edit would break; restore ${changed[0]} by hand`
    return { kind: 'needs-human', because }
  }
  try {
    const text = spliceEdits({
      tip: written(tip.text, document),
      good: written(good.text, goodDocument),
      merged: merge.value,
      edits: merge.edits,
    })
    if (isProven(text)) return commit(text)
    const because = `the text of ${name} in ${tip.path} is shared with other fields by anchors, or is written in a form that can not be edited safely; restore ${changed[0]} by hand`
    return { kind: 'needs-human', because }
  } catch (error) {
    if (!(error instanceof Unspliceable)) throw error
    const because = `${tip.path} can not be edited in place: ${error.message}; restore ${changed[0]} by hand`
    return { kind: 'needs-human', because }
  }
}

/** The document of a Rollout in a file; its namespace may be left out there. */
export function findRollout(
  documents: readonly YamlDocument[],
  { namespace, name }: RolloutName,
): YamlDocument | null {
  const found = documents.find(({ value }) => {
    if (!isMapping(value) || value['kind'] !== 'Rollout') return false
    if (!String(value['apiVersion']).startsWith('sluice.dev/')) return false
    const metadata = value['metadata']
    return (
      isMapping(metadata) &&
      metadata['name'] === name &&
      (metadata['namespace'] ?? namespace) === namespace
    )
  })
  return found ?? null
}

export function templateOf(document: YamlDocument): unknown {
  const value = document.value
  return isMapping(value) && isMapping(value['spec']) ? value['spec']['template'] : undefined
}

/** Field paths as people write them: `spec.template.spec.containers[0].image`. */
export function fieldName(path: FieldPath): string {
  return path
    .map((part) => (typeof part === 'number' ? (part < 0 ? '[+]' : `[${part}]`) : `.${part}`))
    .join('')
    .replace(/^\./, '')
}

interface Proof {
  readonly before: string
  readonly text: string
  readonly rollout: RolloutName
}

function onlyReleaseDiffers({ before, text, rollout }: Proof, wanted: unknown): boolean {
  const old = parseYamlFile('', before).documents
  const now = parseYamlFile('', text).documents
  const document = findRollout(now, rollout)
  if (!document || old.length !== now.length) return false
  if (now.some(({ problems }, i) => problems.length > 0 && old[i]?.problems.length === 0))
    return false
  if (revisionOf(templateOf(document)) !== revisionOf(wanted)) return false
  return old.every((one, i) => {
    const [before, after] = [withoutSeal(one.value), withoutSeal(now[i]?.value)]
    return i === document.index
      ? equal(withoutTemplate(before), withoutTemplate(after))
      : equal(before, after)
  })
}

function withoutTemplate(value: unknown): unknown {
  if (!isMapping(value) || !isMapping(value['spec'])) return value
  return { ...value, spec: { ...value['spec'], template: null } }
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

function written(text: string, document: YamlDocument): Written {
  return { text, document, root: templatePath }
}
