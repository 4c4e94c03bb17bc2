// Two specs with their defaults in, the fields that differ out. Pure.

import { type Path, pathText } from '../../crds/problem.ts'
import { isRecord } from '../json.ts'

export interface Difference {
  readonly field: string
  /** Undefined where it was not there. */
  readonly before: unknown
  readonly after: unknown
}

const differenceLimit = 200

export function differences(before: unknown, after: unknown): Difference[] {
  const found: Difference[] = []
  compare(['spec'], [before, after], found)
  return found.slice(0, differenceLimit)
}

function compare(
  path: Path,
  [before, after]: readonly [unknown, unknown],
  found: Difference[],
): void {
  if (JSON.stringify(before) === JSON.stringify(after)) return
  if (isRecord(before) && isRecord(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
      compare([...path, key], [before[key], after[key]], found)
    }
  } else if (Array.isArray(before) && Array.isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      compare([...path, i], [before[i], after[i]], found)
    }
  } else found.push({ field: pathText(path), before, after })
}
