// The generated CRDs in, what an object of each kind must be out. The bundle holds the result, not the files:
// build.ts evaluates this module when it bundles.
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { type Json, list, record, text } from '../json.ts'

export const schemas: Readonly<Record<string, Json>> = Object.fromEntries(
  ['rollouts', 'analysistemplates', 'clusteranalysistemplates', 'gitsources', 'notifications'].map(
    (plural) => {
      const path = new URL(`../../crds/${plural}.yaml`, import.meta.url)
      return objectSchema(record(parse(readFileSync(path, 'utf8'), { version: '1.1' })))
    },
  ),
)

/** The API server checks the names of every kind by itself; a status is not for people to write. */
function objectSchema(definition: Json): [string, Json] {
  const { group, names, versions } = record(definition['spec'])
  const kind = text(record(names)['kind']) ?? ''
  const version = record(list(versions)[0])
  const root = record(record(version['schema'])['openAPIV3Schema'])
  const { metadata, spec } = record(root['properties'])
  const name = record(record(record(metadata)['properties'])['name'])
  const schema = {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { enum: [`${group}/${version['name']}`] },
      kind: { enum: [kind] },
      metadata: {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        required: ['name'],
        properties: {
          name: { type: 'string', ...name },
          namespace: { ...name, type: 'string', maxLength: 253 },
          annotations: { type: 'object', additionalProperties: { type: 'string' } },
        },
      },
      spec,
    },
  }
  return [kind, withoutProse(schema)]
}

/** Descriptions are most of a schema. A field may be called `description` too: that one is no text. */
function withoutProse(schema: Json): Json {
  return JSON.parse(
    JSON.stringify(schema, (key, value) =>
      (key === 'description' && typeof value === 'string') || key === 'format' ? undefined : value,
    ),
  )
}
