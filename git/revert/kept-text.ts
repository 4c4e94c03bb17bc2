// The pod templates of two releases as the cluster has them, and the bad one as it was written, in; a text that holds
// the good one as it was written, out: for a history that no longer holds it. Pure, and proven by the digest.
import { stringify } from 'yaml'
import { revisionOf } from '../../crds/revision.ts'
import { equal, isMapping } from '../yaml/merge.ts'
import type { RolloutName } from './revert.ts'

export interface KeptRelease {
  readonly rollout: RolloutName
  /** Of the good release. */
  readonly revision: string
  /** With what the API server fills in. */
  readonly good: unknown
  /** The bad one twice: as the API server has it, and as it was written. */
  readonly bad: { readonly filled: unknown; readonly written: unknown }
}

/** Undefined when what the API server filled in can not be told from what was written. */
export function keptText({ rollout, revision, good, bad }: KeptRelease): string | undefined {
  const likely = [true, false].map((mustEqual) =>
    asWritten(good, { filled: bad.filled, written: bad.written, mustEqual }),
  )
  const template = likely.find((one) => isMapping(one) && revisionOf(one) === revision)
  if (template === undefined) return undefined
  const { namespace, name } = rollout
  const metadata = { name, namespace }
  const object = {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata,
    spec: { template },
  }
  return stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })
}

interface Bad {
  readonly filled: unknown
  readonly written: unknown
  /** Some defaults follow from others, such as when to pull an image from its tag. */
  readonly mustEqual: boolean
}

/** What both releases have in the cluster, and the written one does not, came from the API server. */
function asWritten(good: unknown, { filled, written, mustEqual }: Bad): unknown {
  if (equal(good, filled)) return written
  const within = (value: unknown, other: unknown, text: unknown) =>
    asWritten(value, { filled: other, written: text, mustEqual })
  if (Array.isArray(good)) {
    const [others, texts] = [listOf(filled), listOf(written)]
    return good.map((item: unknown, index) => {
      const at = placeOf(item, index, others)
      return within(item, others[at], texts[at])
    })
  }
  if (!isMapping(good)) return good
  const [other, text] = [mappingOf(filled), mappingOf(written)]
  const kept = Object.entries(good).filter(
    ([key, value]) => key in text || !(key in other) || (mustEqual && !equal(value, other[key])),
  )
  return Object.fromEntries(kept.map(([key, value]) => [key, within(value, other[key], text[key])]))
}

/** Lists of named things are told by the names, others by the place. */
function placeOf(item: unknown, index: number, others: readonly unknown[]): number {
  const name = isMapping(item) ? item['name'] : undefined
  if (name === undefined) return index
  return others.findIndex((other) => isMapping(other) && other['name'] === name)
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const mappingOf = (value: unknown) => (isMapping(value) ? value : {})
