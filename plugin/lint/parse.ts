// Untrusted JSON in, a typed object or problems out: what the bundle has in the place of crds/parse.ts,
// whose schema library would triple it. agreement.test.ts holds both to the same words.
import type { AnalysisTemplate } from '../../crds/analysis-template.ts'
import type { Result } from '../../crds/parse.ts'
import type { Rollout } from '../../crds/rollout.ts'
import { isRecord, type Json, record, text } from '../json.ts'
import { checkObject } from './schema-check.ts'
import { schemas } from './schemas.ts'

export const parseRollout = (object: unknown): Result<Rollout> => parse('Rollout', object)

export const parseAnalysisTemplate = (object: unknown): Result<AnalysisTemplate> =>
  parse('AnalysisTemplate', object)

function parse<Value>(kind: string, object: unknown): Result<Value> {
  const schema: Json = schemas[kind] ?? {}
  const { value, problems } = checkObject(schema, object)
  if (problems.length > 0) return { ok: false, problems }
  if (!isOfKind<Value>(value, kind)) throw new Error(`the schema of ${kind} let another kind pass`)
  return { ok: true, value }
}

function isOfKind<Value>(value: unknown, kind: string): value is Value {
  return isRecord(value) && text(record(value)['kind']) === kind
}
