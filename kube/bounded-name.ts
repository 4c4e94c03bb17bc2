// Names of users in, names and labels that the API server takes out: cut where they are too long, and unique still.
import { createHash } from 'node:crypto'

const nameLimit = 253
const labelLimit = 63

/** `<name>-<suffix>` as the name of an object. */
export function boundedName(name: string, suffix: string): string {
  return `${bounded(name, nameLimit - suffix.length - 1)}-${suffix}`
}

/** Name of a Rollout as a label value, to select what belongs to it. */
export function rolloutLabel(rolloutName: string): string {
  return bounded(rolloutName, labelLimit)
}

function bounded(text: string, limit: number): string {
  if (text.length <= limit) return text
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8)
  return `${text.slice(0, limit - 9).replace(/[^a-zA-Z0-9]+$/, '')}-${digest}`
}
