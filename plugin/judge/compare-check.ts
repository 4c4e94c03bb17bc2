// A check as its schema left it in, the comparison in it out; what is absent has the default of the schema. Pure.
import type { CompareCheck } from '../../analysis/compare/judge-file.ts'
import { type Json, number, oneOf, record, text } from '../json.ts'

const defaultName = 'compare'

/** Null for a check of another kind. */
export function compareOf(check: Json): CompareCheck | null {
  if (check['compare'] === undefined) return null
  const given = record(check['compare'])
  const floorPercent = number(given['floorPercent'])
  const warmup = text(given['warmup'])
  return {
    name: text(check['name']) ?? defaultName,
    compare: {
      metric: oneOf(['errors', 'latency'], given['metric']) ?? 'errors',
      to: 'stable',
      margin: number(given['margin']) ?? 1.25,
      ...(floorPercent !== undefined && { floorPercent }),
      ...(warmup !== undefined && { warmup }),
      sustain: text(given['sustain']) ?? '1m',
      alphaPercent: number(given['alphaPercent']) ?? 1,
      toleratedRatio: number(given['toleratedRatio']) ?? 2,
      toleratedRisePercent: number(given['toleratedRisePercent']) ?? 1,
    },
  }
}
