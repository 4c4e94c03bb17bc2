// What a custom object goes through before it is stored: prune, default, validate by schema and by rules.
import type { KubeObject } from '../../kube/api.ts'
import { parseObject } from './envelope.ts'
import { objectOf, omit } from './json.ts'
import type { Kind } from './kinds.ts'
import { applyDefaults } from './schema-default.ts'
import { prune, pruneMetadata } from './schema-prune.ts'
import { badRequest, invalid } from './status-error.ts'

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
  const causes = kind.rules.validate({ ...body, metadata: {} })
  const violations = causes.length > 0 ? [] : kind.rules.check(object, before ?? undefined)
  const found = [...causes, ...violations]
  if (found.length > 0) throw invalid(kind, object.metadata.name, found)
  return object
}

function reportUnknown(
  kind: Kind,
  unknown: readonly string[],
  options: Admission['options'],
): void {
  if (unknown.length === 0 || options.fieldValidation === 'Ignore') return
  const texts = unknown.map((path) => `unknown field "${path}"`)
  if (options.fieldValidation === 'Warn') {
    options.warnings.push(...texts)
    return
  }
  throw badRequest(
    `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: strict decoding error: ${texts.join(', ')}`,
  )
}
