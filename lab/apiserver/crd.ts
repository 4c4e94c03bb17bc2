// CustomResourceDefinitions: a definition in, the kinds it serves out, or what is wrong with it.
import { z } from 'zod'
import type { KubeObject } from '../../kube/api.ts'
import { compileRules } from './cel.ts'
import { isObject, type JsonObject } from './json.ts'
import type { Kind, ScalePaths } from './kinds.ts'
import { parseSchema, type Schema, subschemas, withEnvelope } from './schema.ts'
import { compileValidation } from './schema-validate.ts'
import type { Cause } from './status-error.ts'
import { customColumns } from './tables.ts'

const Names = z.object({
  plural: z.string().min(1),
  kind: z.string().min(1),
  singular: z.string().optional(),
  listKind: z.string().optional(),
  shortNames: z.array(z.string()).default([]),
  categories: z.array(z.string()).default([]),
})

const Version = z.object({
  name: z.string().min(1),
  served: z.boolean(),
  storage: z.boolean(),
  schema: z.object({ openAPIV3Schema: z.unknown() }),
  subresources: z
    .object({
      status: z.looseObject({}).optional(),
      scale: z
        .object({
          specReplicasPath: z.string(),
          statusReplicasPath: z.string(),
          labelSelectorPath: z.string().optional(),
        })
        .optional(),
    })
    .default({}),
  additionalPrinterColumns: z.array(z.looseObject({})).default([]),
  selectableFields: z.array(z.object({ jsonPath: z.string() })).default([]),
})
type Version = z.infer<typeof Version>

const Definition = z.object({
  group: z.string().min(1),
  scope: z.enum(['Namespaced', 'Cluster']),
  names: Names,
  versions: z.array(Version).min(1).max(16),
})
type Definition = z.infer<typeof Definition>

export type Reading =
  | { readonly kind: 'Kinds'; readonly kinds: readonly Kind[]; readonly names: JsonObject }
  | { readonly kind: 'Invalid'; readonly causes: readonly Cause[] }

/** A definition is read when it is checked and again when it is served; its spec is never changed. */
const readings = new WeakMap<object, Reading>()

/** Versions that are not served have no kind; all versions share one collection. */
export function readDefinition(object: KubeObject): Reading {
  const spec: unknown = object['spec']
  const known = isObject(spec) ? readings.get(spec) : undefined
  if (known) return known
  const reading = read(object)
  if (isObject(spec) && reading.kind === 'Kinds') readings.set(spec, reading)
  return reading
}

function read(object: KubeObject): Reading {
  const parsed = Definition.safeParse(object['spec'])
  if (!parsed.success) {
    return {
      kind: 'Invalid',
      causes: parsed.error.issues.map((issue) => ({
        reason: 'FieldValueInvalid',
        field: ['spec', ...issue.path].join('.'),
        message: `Invalid value: ${issue.message}`,
      })),
    }
  }
  const definition = parsed.data
  const expected = `${definition.names.plural}.${definition.group}`
  if (object.metadata.name !== expected) {
    const message = `Invalid value: "${object.metadata.name}": must be spec.names.plural+"."+spec.group`
    return { kind: 'Invalid', causes: [{ field: 'metadata.name', message }] }
  }
  const causes: Cause[] = []
  const kinds = definition.versions.flatMap((version, i) => {
    try {
      const kind = kindOf(definition, version, `spec.versions[${i}].schema.openAPIV3Schema`)
      return version.served ? [kind] : []
    } catch (error) {
      causes.push(causeOf(error, `spec.versions[${i}]`))
      return []
    }
  })
  const stored = definition.versions.filter((version) => version.storage).length
  if (stored !== 1) {
    const message = 'Invalid value: must have exactly one version marked as storage version'
    causes.push({ field: 'spec.versions', message })
  }
  if (causes.length > 0) return { kind: 'Invalid', causes }
  return { kind: 'Kinds', kinds, names: acceptedNames(definition) }
}

/** Messages of schema errors start with the path they are about. */
function causeOf(error: unknown, path: string): Cause {
  const text = error instanceof Error ? error.message : String(error)
  const match = /^(spec\.\S+?): ([\s\S]*)$/.exec(text)
  const [, field = path, message = text] = match ?? []
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${message}` }
}

function kindOf(definition: Definition, version: Version, path: string): Kind {
  const { group, names } = definition
  const schema = withEnvelope(parseSchema(version.schema.openAPIV3Schema, path))
  refuseUnstructured(schema, path)
  const { status, scale } = version.subresources
  return {
    group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    namespaced: definition.scope === 'Namespaced',
    shortNames: names.shortNames,
    categories: names.categories,
    storage: `${names.plural}.${group}`,
    hasStatus: status !== undefined,
    scale: scale ? scalePaths(scale) : null,
    hasGeneration: true,
    schema,
    rules: { validate: compileValidation(schema, path), check: compileRules(schema, path) },
    columns: customColumns(version.additionalPrinterColumns),
    fields: version.selectableFields.map((field) => field.jsonPath.replace(/^\./, '')),
    forms: null,
  }
}

function scalePaths(scale: NonNullable<Version['subresources']['scale']>): ScalePaths {
  const steps = (path: string) => path.replace(/^\./, '').split('.')
  return {
    spec: steps(scale.specReplicasPath),
    status: steps(scale.statusReplicasPath),
    selector: scale.labelSelectorPath === undefined ? null : steps(scale.labelSelectorPath),
  }
}

/** The rules of structural schemas that are worth an error here; the lint in `crds` holds all of them. */
function refuseUnstructured(schema: Schema, path: string): void {
  const isTyped =
    schema.type !== undefined ||
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true
  const isMetadata = path.endsWith('.properties[metadata]')
  if (!isTyped && !isMetadata) throw new Error(`${path}.type: Required value: must not be empty`)
  if (schema.properties && isObject(schema.additionalProperties)) {
    throw new Error(`${path}.additionalProperties: must not be used together with properties`)
  }
  if (schema.additionalProperties === false) {
    throw new Error(`${path}.additionalProperties: must not be false`)
  }
  if (isMetadata) return
  for (const [step, part] of subschemas(schema)) refuseUnstructured(part, path + step)
}

function acceptedNames({ names }: Definition): JsonObject {
  return {
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    ...(names.shortNames.length > 0 && { shortNames: names.shortNames }),
    ...(names.categories.length > 0 && { categories: names.categories }),
  }
}

/** The status of a definition that is served. */
export function establishedStatus(object: KubeObject, names: JsonObject, time: string): JsonObject {
  const version = Definition.parse(object['spec']).versions.find((one) => one.storage)
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    lastTransitionTime: time,
    reason,
    message,
  })
  return {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: names,
    storedVersions: [version?.name ?? ''],
  }
}
