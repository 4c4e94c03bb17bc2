// A check as its schema left it in, the same as the engine wants it out, where it asks what the mesh counts. Pure.
import type { Check } from '../../crds/check.ts'
import { compact, type Json, number, record, text } from '../json.ts'
import { compareOf } from './compare-check.ts'

/** Null for a check that asks somebody else, or by a query of its own. */
export function builtInOf(check: Json): Check | null {
  const compared = compareOf(check)
  if (compared) return compared
  const measured = {
    name: text(check['name']) ?? 'check',
    ...compact({
      interval: text(check['interval']),
      window: text(check['window']),
      initialDelay: text(check['initialDelay']),
      count: number(check['count']),
      failureLimit: number(check['failureLimit']),
      inconclusiveLimit: number(check['inconclusiveLimit']),
      consecutiveErrorLimit: number(check['consecutiveErrorLimit']),
      consecutiveSuccessLimit: number(check['consecutiveSuccessLimit']),
    }),
  }
  const min = number(record(check['successRate'])['min'])
  if (min !== undefined) return { ...measured, successRate: { min } }
  const { quantile, max } = record(check['latency'])
  const longest = text(max)
  if (longest === undefined) return null
  return { ...measured, latency: { quantile: number(quantile) ?? 0.99, max: longest } }
}
