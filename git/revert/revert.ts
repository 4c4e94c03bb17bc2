// The text at the tip, the bad release and the good one of a Rollout in; the new text, or why none is needed, out.
// Pure.
import { isMapping } from '../yaml/merge.ts'
import type { YamlDocument } from '../yaml/yaml-file.ts'
import { type FileText, fieldOf, type Revert, revertFile, type Target } from './document-revert.ts'

export interface RolloutName {
  readonly namespace: string
  readonly name: string
}

/** What a Rollout asks for; `config` is the list of names. */
export interface RolloutRelease {
  readonly template: unknown
  readonly config?: unknown
}

export interface RevertInput {
  readonly rollout: RolloutName
  /** The file that holds the Rollout at the tip, wherever it is now; null when it is gone. */
  readonly tip: FileText | null
  /** `text` is the file of the bad release, if known: then its formatting can be restored too. */
  readonly bad: RolloutRelease & { readonly text?: string | undefined }
  readonly good: RolloutRelease & { readonly text: string }
}

/** Restores the release of one Rollout; see the README for the rules. Never throws for what is in a text. */
export function revertRelease({ rollout, tip, bad, good }: RevertInput): Revert {
  if (!tip) {
    const because = `${rollout.namespace}/${rollout.name} is no longer on the branch`
    return { kind: 'superseded', because }
  }
  const target = rolloutTarget(rollout, bad, good)
  return revertFile({ tip, targets: [target], badText: bad.text, goodText: good.text })
}

export function rolloutTarget(
  rollout: RolloutName,
  bad: RolloutRelease,
  good: RolloutRelease & { readonly text: string },
): Target {
  return {
    name: `${rollout.namespace}/${rollout.name}`,
    prefix: '',
    find: (documents) => findRollout(documents, rollout),
    fields: [
      { path: ['spec', 'template'], bad: bad.template, good: good.template },
      { path: ['spec', 'config'], bad: bad.config, good: good.config },
    ],
    goodText: good.text,
  }
}

/** The document of a Rollout in a file; its namespace may be left out there. */
export function findRollout(
  documents: readonly YamlDocument[],
  { namespace, name }: RolloutName,
): YamlDocument | null {
  const found = documents.find(({ value }) => {
    if (!isRollout(value)) return false
    const metadata = value['metadata']
    return (
      isMapping(metadata) &&
      metadata['name'] === name &&
      (metadata['namespace'] ?? namespace) === namespace
    )
  })
  return found ?? null
}

export function isRollout(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isMapping(value) || value['kind'] !== 'Rollout') return false
  return String(value['apiVersion']).startsWith('sluice.dev/')
}

export function templateOf(document: YamlDocument): unknown {
  return fieldOf(document, ['spec', 'template'])
}

export function releaseOf(document: YamlDocument): RolloutRelease {
  return { template: templateOf(document), config: fieldOf(document, ['spec', 'config']) }
}
