// What a custom object goes through before it is stored: prune, default, validate by schema and by rules.
import type { KubeObject } from '../../kube/api.ts'
import { parseObject } from './envelope.ts'
import { at, objectOf, omit } from './json.ts'
import type { Kind, KindRules } from './kinds.ts'
import { applyDefaults } from './schema-default.ts'
import { prune, pruneMetadata } from './schema-prune.ts'
import { badRequest, type Cause, invalid } from './status-error.ts'

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

export interface Admission {
  readonly before: KubeObject | null
  readonly after: KubeObject
  readonly subresource: '' | 'status' | 'scale'
  readonly options: { readonly fieldValidation: FieldValidation; readonly warnings: string[] }
}

/** Fails with 400 for unknown fields when validation is strict, and with 422 for invalid ones. */
export function admit(kind: Kind, { before, after, options }: Admission): KubeObject {
  if (!kind.rules) return after
  const unknown: string[] = []
  const pruned = objectOf(prune(omit(after, 'metadata'), kind.schema, unknown))
  const strange = pruneMetadata(after.metadata, unknown)
  reportUnknown(kind, unknown, options)
  const metadata = omit(after.metadata, ...strange)
  const object = parseObject(applyDefaults({ ...pruned, metadata }, kind.schema))
  const { metadata: _, ...body } = object
  const causes = [...kind.rules.validate({ ...body, metadata: {} }), ...scaleCauses(kind, object)]
  const found = [...causes, ...ruleCauses(kind.rules, { before, object, causes })]
  if (found.length > 0) throw invalid(kind, object.metadata.name, found)
  return object
}

const blocking = [
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]

/** Rules are not asked about an object of the wrong shape, and the answer says so. */
function ruleCauses(
  rules: KindRules,
  at: { before: KubeObject | null; object: KubeObject; causes: readonly Cause[] },
): Cause[] {
  if (!rules.check.hasRules) return []
  const isBlocked = at.causes.some(({ reason = '' }) => blocking.includes(reason))
  if (!isBlocked) return rules.check(at.object, at.before ?? undefined)
  const message =
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'
  return [{ reason: 'FieldValueInvalid', field: '<nil>', message }]
}

/** The fields behind a scale are held to what a scale can say, besides their schema. */
function scaleCauses({ scale }: Kind, object: KubeObject): Cause[] {
  if (!scale) return []
  return [scale.spec, scale.status].flatMap((path) => {
    const field = `.${path.join('.')}`
    const value = at(object, path)
    const invalidValue = (shown: unknown, why: string): Cause[] => [
      { reason: 'FieldValueInvalid', field, message: `Invalid value: ${shown}: ${why}` },
    ]
    if (value === undefined) return []
    if (typeof value !== 'number') {
      const type = typeof value === 'object' ? 'map[string]interface {}' : typeof value
      const shown = typeof value === 'object' ? JSON.stringify(value) : String(value)
      return invalidValue(
        0,
        `${field} accessor error: ${shown} is of the type ${type}, expected int64`,
      )
    }
    return value < 0 ? invalidValue(value, 'should be a non-negative integer') : []
  })
}

function reportUnknown(
  kind: Kind,
  unknown: readonly string[],
  options: Admission['options'],
): void {
  if (unknown.length === 0 || options.fieldValidation === 'Ignore') return
  const texts = [...unknown].sort().map((path) => `unknown field "${path}"`)
  if (options.fieldValidation === 'Warn') {
    options.warnings.push(...texts)
    return
  }
  throw badRequest(
    `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: strict decoding error: ${texts.join(', ')}`,
  )
}
